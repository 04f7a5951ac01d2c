// The bodies of Asio and Beast, compiled once for all files that include their headers.
//
// BOOST_ASIO_SEPARATE_COMPILATION and BOOST_BEAST_SEPARATE_COMPILATION come from CMakeLists.txt.
// Boost.JSON is linked from its own library.
#include <boost/asio/impl/src.hpp>
#include <boost/beast/src.hpp>

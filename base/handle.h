// Handle<T, free_fn>: owns one object of a C library, on the line that acquires it.
#pragma once

#include <memory>

namespace drawbridge {

template <auto free_fn>
struct HandleDeleter {
  template <class T>
  void operator()(T* object) const {
    free_fn(object);
  }
};

template <class T, auto free_fn>
using Handle = std::unique_ptr<T, HandleDeleter<free_fn>>;

}  // namespace drawbridge

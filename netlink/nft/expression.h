// One expression of a rule, on its way into it. Internal to netlink/nft/.
#pragma once

#include "base/handle.h"

#include <libnftnl/expr.h>
#include <libnftnl/rule.h>

#include <cassert>
#include <cstddef>
#include <cstdint>

namespace drawbridge {

/// Attributes are libnftnl's NFTNL_EXPR_*. Allocation fails with the process' memory only.
class Expression {
 public:
  explicit Expression(char const* name) : expression_(nftnl_expr_alloc(name)) {
    assert(expression_);
  }
  Expression& set(std::uint16_t attribute, std::uint32_t value) {
    nftnl_expr_set_u32(expression_.get(), attribute, value);
    return *this;
  }
  Expression& set_u64(std::uint16_t attribute, std::uint64_t value) {
    nftnl_expr_set_u64(expression_.get(), attribute, value);
    return *this;
  }
  Expression& set(std::uint16_t attribute, char const* text) {
    nftnl_expr_set_str(expression_.get(), attribute, text);
    return *this;
  }
  Expression& set(std::uint16_t attribute, void const* data, std::size_t bytes) {
    nftnl_expr_set(expression_.get(), attribute, data, static_cast<std::uint32_t>(bytes));
    return *this;
  }
  /// For dynset: what each element of the set has of its own.
  Expression& add(Expression inner) {
    nftnl_expr_add_expr(expression_.get(), NFTNL_EXPR_DYNSET_EXPR, inner.expression_.release());
    return *this;
  }
  void add_to(nftnl_rule* rule) { nftnl_rule_add_expr(rule, expression_.release()); }

 private:
  Handle<nftnl_expr, nftnl_expr_free> expression_;
};

}  // namespace drawbridge

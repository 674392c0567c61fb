/* The version of the library. */
#include "flow.h"

const char *shop_version(void) {
  return SHOP__VERSION;
}

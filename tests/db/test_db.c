/*
 * Runs the suites of lib/db, on a file system that can be told to fail.
 */
#include "test_db.h"
#include "fault_memory.h"

#include <stdlib.h>

int main(void) {
  fault_memory_install();
  fault_vfs_install();
  fault_vfs_skip_syncs(true);
  SRunner *runner = srunner_create(open_suite());
  srunner_add_suite(runner, migrate_suite());
  srunner_add_suite(runner, query_suite());
  srunner_add_suite(runner, read_suite());
  srunner_add_suite(runner, write_suite());
  srunner_add_suite(runner, commit_suite());
  srunner_add_suite(runner, inside_suite());
  srunner_add_suite(runner, doubt_suite());
  srunner_add_suite(runner, truth_suite());
  srunner_add_suite(runner, marker_suite());
  srunner_add_suite(runner, ids_suite());
  srunner_add_suite(runner, process_suite());
  srunner_run_all(runner, CK_NORMAL);
  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

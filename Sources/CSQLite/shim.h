#include <sqlite3.h>

/// Turns SQLite's accounts of its own memory off; 21 (misuse) after its first use in this process.
static inline int sqlite_without_memory_count(void) {
    return sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

-- Who waited for locks since the counters were cleared, by kind of lock. No row of LCK_M_U, LCK_M_X or LCK_M_IX after the lease tests
-- means that workers did not block each other; LCK_M_SCH_* are tables being made and dropped.
SET NOCOUNT ON;
SELECT wait_type, waiting_tasks_count AS waits, wait_time_ms AS milliseconds, max_wait_time_ms AS longest
FROM sys.dm_os_wait_stats
WHERE wait_type LIKE N'LCK[_]M[_]%' AND waiting_tasks_count > 0
ORDER BY wait_time_ms DESC;

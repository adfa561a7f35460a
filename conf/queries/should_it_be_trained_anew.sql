-- How many alerts and warnings has each area in each window, the latest first?
-- `findings` is the table of findings, or a view of it.
SELECT run, window, area,
       count_if(status = 'alert') AS alerts,
       count_if(status = 'warning') AS warnings,
       count_if(status IN ('ok', 'warning', 'alert')) AS checks,
       max(looked_at) AS last_look
FROM findings
GROUP BY run, windows_by, window, window_start, last_version, area
ORDER BY run, window_start DESC NULLS LAST, last_version DESC NULLS LAST, area

-- devices: each row with the property's total of its day, for shares.
INSERT INTO ga4_combined.devices (
  property_id, date, dimension_hash, device_category, operating_system, browser, sessions, engaged_sessions,
  total_users, active_users, new_users, screen_page_views, event_count, user_engagement_duration, day_sessions
)
SELECT
  stored.property_id, stored.date, stored.dimension_hash, stored.device_category, stored.operating_system,
  stored.browser, stored.sessions, stored.engaged_sessions, stored.total_users, stored.active_users,
  stored.new_users, stored.screen_page_views, stored.event_count, stored.user_engagement_duration, day.sessions
FROM ga4_raw.devices AS stored
JOIN changed_days AS changed
  ON changed.property_id = stored.property_id AND changed.date = stored.date
LEFT JOIN ga4_raw.daily_totals AS day
  ON day.property_id = stored.property_id AND day.date = stored.date

-- pages: each row with the property's total of its day, for shares.
INSERT INTO ga4_combined.pages (
  property_id, date, dimension_hash, host_name, page_path, page_title, screen_page_views, total_users, active_users,
  event_count, key_events, user_engagement_duration, day_screen_page_views
)
SELECT
  stored.property_id, stored.date, stored.dimension_hash, stored.host_name, stored.page_path, stored.page_title,
  stored.screen_page_views, stored.total_users, stored.active_users, stored.event_count, stored.key_events,
  stored.user_engagement_duration, day.screen_page_views
FROM ga4_raw.pages AS stored
JOIN changed_days AS changed
  ON changed.property_id = stored.property_id AND changed.date = stored.date
LEFT JOIN ga4_raw.daily_totals AS day
  ON day.property_id = stored.property_id AND day.date = stored.date

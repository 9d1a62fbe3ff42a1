"""What the demo's visitors do: shares, places, devices, pages - and values that strangers would send.

Every row ends with its weight; rows are (fields..., weight).
"""

from typing import Final

TRAFFIC: Final = (  # channel group, source, medium, campaign
    ("Organic Search", "google", "organic", "(organic)", 30),
    ("Organic Search", "bing", "organic", "(organic)", 6),
    ("Organic Search", "coccoc", "organic", "(organic)", 3),
    ("Direct", "(direct)", "(none)", "(direct)", 22),
    ("Paid Search", "google", "cpc", "spring_sale", 8),
    ("Paid Search", "google", "cpc", "Spring_Sale", 2),
    ("Paid Search", "google", "cpc", "brand | exact", 5),
    ("Email", "newsletter", "email", "weekly-digest", 5),
    ("Email", "newsletter", "email", "weekly-digest ", 1),
    ("Organic Social", "facebook.com", "referral", "(referral)", 5),
    ("Organic Social", "t.co", "referral", "(referral)", 3),
    ("Paid Social", "facebook", "paid", "caf\u00e9-launch", 3),
    ("Paid Social", "facebook", "paid", "cafe\u0301-launch", 1),
    ("Referral", "partner.example", "referral", "(referral)", 4),
    ("Unassigned", "(not set)", "(not set)", "(not set)", 1),
    ("Unassigned", '=HYPERLINK("http://evil.example")', "cpc", "=1+1", 0.3),
    ("Unassigned", "'; DROP TABLE sessions; --", "<script>alert(1)</script>", "\u202egnp.exe", 0.3),
    ("Unassigned", "", "", "", 0.2),
)
NOT_ATTRIBUTED: Final = ("Unassigned", "(not set)", "(not set)", "(not set)")
SPAM: Final = ("Referral", "free-share-buttons.example", "referral", "(referral)")

PLACES: Final = (  # country, city, language
    ("Vietnam", "Ho Chi Minh City", "Vietnamese", 18),
    ("Vietnam", "\u0110\u00e0 N\u1eb5ng", "Vietnamese", 5),
    ("United States", "New York", "English", 16),
    ("United States", "(not set)", "English", 6),
    ("United States", "San Jose", "Spanish", 3),
    ("Germany", "Berlin", "German", 14),
    ("Germany", "M\u00fcnchen", "German", 5),
    ("France", "Paris", "French", 6),
    ("C\u00f4te d\u2019Ivoire", "Abidjan", "French", 1),
    ("Brazil", "S\u00e3o Paulo", "Portuguese", 5),
    ("Japan", "\u6771\u4eac", "Japanese", 4),
    ("(not set)", "(not set)", "(not set)", 1),
)

DEVICES: Final = (  # category, operating system, its version, browser, screen resolution, model
    ("desktop", "Windows", "11", "Chrome", "1920x1080", "(not set)", 20),
    ("desktop", "Windows", "10", "Edge", "1536x864", "(not set)", 9),
    ("desktop", "Macintosh", "Intel 10.15.7", "Safari", "1440x900", "(not set)", 7),
    ("desktop", "Linux", "x86_64", "Firefox", "2560x1440", "(not set)", 3),
    ("mobile", "iOS", "18.5", "Safari", "390x844", "iPhone", 22),
    ("mobile", "Android", "15", "Chrome", "412x915", "SM-S921B", 18),
    ("mobile", "Android", "14", "Samsung Internet", "360x800", "SM-A155F", 8),
    ("tablet", "iOS", "18.5", "Safari (in-app)", "820x1180", "iPad", 4),
    ("smart tv", "Tizen", "(not set)", "(not set)", "1920x1080", "(not set)", 0.5),
)

PAGES: Final = (  # path, title; paths below /shop/ sell the item of their place in ITEMS
    ("/", "Home", 30),
    ("/about", "About us", 6),
    ("/About", "About us", 1),
    ("/blog/caf\u00e9", "Caf\u00e9 culture", 4),
    ("/blog/cafe\u0301", "Cafe\u0301 culture", 1),
    ("/blog/\U0001f680-launch", "\U0001f680 We launched \U0001f468\u200d\U0001f469\u200d\U0001f467", 5),
    ("/pricing", "Pricing", 8),
    ("/pricing", "Pricing ", 1),
    ('/search?q="quoted, value"', 'Results for "quoted, value"', 2),
    ("/contact", "Contact", 4),
    ("/404", "(not set)", 2),
    ("(not set)", "(not set)", 0.6),
    ("(other)", "(other)", 0.3),
    ("", "", 0.5),
    ("/x", "<script>alert(document.cookie)</script>", 0.5),
    ("/y", "=cmd|' /C calc'!A0", 0.5),
    ("/z", "\u202ednammoc gnorw", 0.5),
    ("/tab\tand\nnewline", "Tab\tand\nnewline", 0.3),
    ("/" + "long-" * 60, "A very long path", 0.3),
)
SHOP_PAGES: Final = (
    ("/shop/mug", "Mug", 5),
    ("/shop/t-shirt", "T-shirt", 5),
    ("/shop/notebook", "Notebook", 4),
    ("/shop/poster", "Poster \u201cH\u00e0 N\u1ed9i\u201d", 2),
)
ALL_PAGES: Final = (*PAGES, *SHOP_PAGES)
ITEMS: Final = (("Mug", 12.5), ("T-shirt", 24.0), ("Notebook", 9.9), ("Poster \u201cH\u00e0 N\u1ed9i\u201d", 18.25))

EVENT_NAMES: Final = (
    "session_start",
    "first_visit",
    "page_view",
    "scroll",
    "user_engagement",
    "view_item",
    "add_to_cart",
    "begin_checkout",
    "purchase",
    "refund",
    "generate_lead",
    "ad_impression",
)
WEEK: Final = (1.08, 1.12, 1.1, 1.05, 0.98, 0.82, 0.85)  # by day offset, so that a demo is the same on any date

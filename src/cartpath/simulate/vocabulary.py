"""The words of the simulated shop: departments, brands, places, devices, traffic, pages."""

from __future__ import annotations

from cartpath.schema import CANONICAL_EVENTS

#: Department: (sections: their product kinds), log-odds of interest for women, age of most interest,
#: middle price, days until an item is bought again (0: not a replenished good).
DEPARTMENTS: dict[str, tuple[dict[str, tuple[str, str, str]], float, float, float, float]] = {
    "Clothing": (
        {
            "Tops": ("T-Shirt", "Hoodie", "Blouse"),
            "Bottoms": ("Jeans", "Skirt", "Shorts"),
            "Shoes": ("Sneakers", "Boots", "Sandals"),
        },
        0.5,
        30.0,
        38.0,
        0.0,
    ),
    "Electronics": (
        {
            "Audio": ("Headphones", "Speaker", "Microphone"),
            "Computing": ("Keyboard", "Mouse", "Monitor"),
            "Phone": ("Phone Case", "Charger", "Power Bank"),
        },
        -0.7,
        34.0,
        62.0,
        0.0,
    ),
    "Home": (
        {
            "Kitchen": ("Pan", "Knife", "Kettle"),
            "Living": ("Lamp", "Cushion", "Rug"),
            "Garden": ("Planter", "Shears", "Garden Chair"),
        },
        0.2,
        46.0,
        45.0,
        0.0,
    ),
    "Beauty": (
        {
            "Skin": ("Face Cream", "Sunscreen", "Serum"),
            "Hair": ("Shampoo", "Conditioner", "Hair Oil"),
            "Body": ("Soap", "Lotion", "Deodorant"),
        },
        1.0,
        33.0,
        16.0,
        30.0,
    ),
    "Pantry": (
        {
            "Coffee": ("Espresso Beans", "Filter Coffee", "Decaf"),
            "Tea": ("Green Tea", "Black Tea", "Herbal Tea"),
            "Snacks": ("Granola", "Nut Mix", "Dark Chocolate"),
        },
        0.0,
        42.0,
        11.0,
        18.0,
    ),
    "Sports": (
        {
            "Outdoor": ("Backpack", "Tent", "Water Bottle"),
            "Fitness": ("Yoga Mat", "Dumbbell", "Resistance Band"),
            "Cycling": ("Helmet", "Bike Light", "Bike Lock"),
        },
        -0.3,
        32.0,
        40.0,
        0.0,
    ),
}

BRANDS = (
    "Alder", "Brightway", "Corvo", "Dunmore", "Elmstead", "Fenwick", "Gala", "Harbor", "Iris", "Juniper",
    "Kestrel", "Lumen", "Marlow", "Northbound", "Orchard", "Pinecrest",
)  # fmt: skip
ADJECTIVES = ("Classic", "Light", "Everyday", "Premium", "Compact", "Soft", "Bold", "Natural", "Travel", "Original")
COLOURS = ("black", "white", "navy", "olive", "sand", "red", "grey", "teal")

#: Country, region, city, language, share.
PLACES = (
    ("United States", "California", "San Francisco", "en-us", 0.13),
    ("United States", "California", "Los Angeles", "en-us", 0.10),
    ("United States", "New York", "New York", "en-us", 0.15),
    ("United States", "Texas", "Austin", "en-us", 0.07),
    ("United States", "Illinois", "Chicago", "en-us", 0.06),
    ("United States", "Washington", "Seattle", "en-us", 0.06),
    ("Canada", "Ontario", "Toronto", "en-ca", 0.05),
    ("Canada", "Quebec", "Montreal", "fr-ca", 0.03),
    ("United Kingdom", "England", "London", "en-gb", 0.08),
    ("United Kingdom", "Scotland", "Edinburgh", "en-gb", 0.02),
    ("Germany", "Berlin", "Berlin", "de", 0.04),
    ("Germany", "Bavaria", "Munich", "de", 0.03),
    ("France", "Ile-de-France", "Paris", "fr", 0.04),
    ("Spain", "Madrid", "Madrid", "es", 0.03),
    ("India", "Karnataka", "Bengaluru", "en-in", 0.04),
    ("Japan", "Tokyo", "Tokyo", "ja", 0.04),
    ("Brazil", "Sao Paulo", "Sao Paulo", "pt-br", 0.03),
)

#: Device, browser, operating system, share.
DEVICES = (
    ("desktop", "Chrome", "Windows", 0.26),
    ("desktop", "Chrome", "Macintosh", 0.18),
    ("desktop", "Safari", "Macintosh", 0.08),
    ("desktop", "Firefox", "Windows", 0.05),
    ("desktop", "Edge", "Windows", 0.04),
    ("desktop", "Chrome", "Linux", 0.03),
    ("mobile", "Safari", "iOS", 0.18),
    ("mobile", "Chrome", "Android", 0.13),
    ("tablet", "Safari", "iOS", 0.03),
    ("tablet", "Chrome", "Android", 0.02),
)

#: Channel, source, medium, campaign, keyword, referrer, is_direct, added chance of a bounce, added log-odds of intent.
#: Each campaign adds one more row after these.
TRAFFIC: tuple[tuple[str, str, str, str | None, str | None, str | None, bool, float, float], ...] = (
    ("Direct", "(direct)", "(none)", None, None, None, True, -0.05, 0.10),
    ("Organic Search", "google", "organic", None, "(not provided)", "https://www.google.com/", False, 0.0, 0.0),
    ("Organic Search", "bing", "organic", None, "gift shop", "https://www.bing.com/", False, 0.02, 0.0),
    ("Referral", "partner.example", "referral", None, None, "https://partner.example/shop", False, -0.12, 0.35),
    ("Social", "video.example", "social", None, None, "https://video.example/", False, 0.20, -0.60),
    ("Social", "friends.example", "social", None, None, "https://friends.example/feed", False, 0.15, -0.35),
    ("Paid Search", "google", "cpc", "brand", "cartpath shop", "https://www.google.com/", False, -0.10, 0.40),
    ("Paid Search", "google", "cpc", "generic", "buy online", "https://www.google.com/", False, 0.05, -0.05),
    ("Affiliates", "blog.example", "affiliate", "partners", None, "https://blog.example/review", False, 0.05, -0.10),
)

PAGES = (
    "/home", "/sale", "/new", "/about", "/stores", "/help/shipping", "/help/returns", "/size-guide", "/search",
    "/wishlist", "/account", "/account/orders", "/basket", "/checkout/address", "/checkout/payment",
    "/checkout/review", "/checkout/confirmation",
)  # fmt: skip

#: The one event name outside the vocabulary, planted as dirt.
UNKNOWN_EVENT = "app_heartbeat"
EVENTS: tuple[str, ...] = (*CANONICAL_EVENTS, UNKNOWN_EVENT)
QUERIES_PER_KIND = 4


def kinds() -> list[tuple[str, str, str]]:
    """Return (department, section, kind) of each kind of product, in the order of their numbers.

    Examples
    --------
    >>> kinds()[0]
    ('Clothing', 'Tops', 'T-Shirt')
    """
    return [
        (department, section, kind)
        for department, (sections, *_) in DEPARTMENTS.items()
        for section, names in sections.items()
        for kind in names
    ]

"""What made-up companies and people are called. Text of seeded data is data: it is not translated."""

# country, city, post code, legal form, phone, language
PLACES = (
    ("FI", "Helsinki", "00100", "Oy", "+358 9 555", "fi"),
    ("FI", "Tampere", "33100", "Oy", "+358 3 555", "fi"),
    ("FI", "Oulu", "90100", "Oy", "+358 8 555", "fi"),
    ("SE", "Göteborg", "411 05", "AB", "+46 31 555", "sv"),
    ("SE", "Malmö", "211 20", "AB", "+46 40 555", "sv"),
    ("NO", "Bergen", "5003", "AS", "+47 55 55", "nb"),
    ("NO", "Trondheim", "7010", "AS", "+47 73 55", "nb"),
    ("DK", "Aarhus", "8000", "ApS", "+45 55 55", "da"),
    ("DE", "Hamburg", "20457", "GmbH", "+49 40 555", "de"),
    ("DE", "Stuttgart", "70173", "GmbH", "+49 711 555", "de"),
    ("AT", "Innsbruck", "6020", "AG", "+43 512 555", "de"),
    ("NL", "Utrecht", "3511 LX", "B.V.", "+31 30 555", "nl"),
    ("BE", "Gent", "9000", "NV", "+32 9 296", "nl"),
    ("FR", "Lyon", "69002", "SARL", "+33 4 55 55", "fr"),
    ("IT", "Bologna", "40121", "S.r.l.", "+39 051 555", "it"),
    ("IT", "Como", "22100", "S.p.A.", "+39 031 555", "it"),
    ("GB", "Leeds", "LS1 4HG", "Ltd", "+44 113 555", "en"),
    ("IE", "Dublin", "D02 X285", "Ltd", "+353 1 555", "en"),
    ("EE", "Tallinn", "10111", "OÜ", "+372 600", "et"),
    ("ES", "Valencia", "46002", "S.L.", "+34 96 555", "es"),
)
HEADS = (
    "Alder", "Amber", "Ash", "Birch", "Brook", "Cedar", "Clay", "Cliff", "Copper", "Dawn", "Eagle", "Elm", "Falk",
    "Fern", "Fjord", "Flint", "Frost", "Gran", "Hazel", "Heron", "Holm", "Iron", "Kar", "Lake", "Lark", "Linden",
    "Maple", "Moor", "North", "Oak", "Otter", "Pine", "Quill", "Raven", "Reed", "Rowan", "Sand", "Silver", "Stone",
    "Storm", "Swan", "Thorn", "Vale", "West", "Willow", "Wren",
)  # fmt: skip
TAILS = (
    "berg", "borg", "bridge", "bruk", "bury", "dal", "field", "ford", "gate", "haven", "hill", "holt", "land", "lea",
    "mark", "mere", "mont", "ness", "port", "ridge", "rock", "sund", "ton", "vik", "wald", "ward", "wick", "wood",
)  # fmt: skip
TRADES = (
    "Clinics", "Construction", "Consulting", "Dairy", "Design", "Energy", "Engineering", "Events", "Ferries", "Foods",
    "Foundry", "Hotels", "Insurance", "Law", "Logistics", "Media", "Mills", "Museum", "Pharmacies", "Print",
    "Properties", "Restaurants", "Schools", "Shipping", "Software", "Sports", "Textiles", "Theatres", "Tools", "Travel",
)  # fmt: skip
FIRST_NAMES = (
    "Aino", "Aksel", "Alba", "Anders", "Anouk", "Antti", "Beatrice", "Birgit", "Bruno", "Carla", "Clara", "Daan",
    "Dario", "Eero", "Elin", "Emil", "Enzo", "Eva", "Femke", "Finn", "Freya", "Greta", "Hanna", "Hugo", "Ida", "Ines",
    "Ivo", "Jana", "Jonas", "Jules", "Kaisa", "Karl", "Lars", "Lea", "Linnea", "Luca", "Maarten", "Maja", "Marta",
    "Mikko", "Nele", "Nils", "Olga", "Oskar", "Paavo", "Petra", "Rasmus", "Rosa", "Ruben", "Saara", "Sanne", "Simon",
    "Sofia", "Sven", "Tilda", "Tom", "Ulla", "Vera", "Vito", "Wim",
)  # fmt: skip
LAST_NAMES = (
    "Aalto", "Amundsen", "Bakker", "Bellini", "Berg", "Brandt", "Carlsen", "Claes", "Conti", "Dahl", "Dekker", "Eklund",
    "Engel", "Falk", "Ferri", "Fischer", "Frisk", "Gallo", "Granlund", "Haas", "Hagen", "Heikkinen", "Holm", "Horn",
    "Jansen", "Joki", "Kallio", "Keller", "Koski", "Kruse", "Laine", "Lang", "Larsen", "Leroy", "Lind", "Lombardi",
    "Maes", "Marchand", "Meyer", "Moen", "Moretti", "Nieminen", "Norden", "Nyberg", "Olsen", "Peeters", "Pohl", "Ricci",
    "Rossi", "Salo", "Sand", "Schuster", "Sjögren", "Smit", "Solberg", "Steen", "Strand", "Tamm", "Thiel", "Vaara",
    "Varga", "Visser", "Vogel", "Wagner", "Westlund", "Wolff", "Wouters", "Zander",
)  # fmt: skip
JOBS = (
    "Managing director", "Purchaser", "Head of procurement", "Office manager", "Property manager", "Project manager",
    "Chief financial officer", "Head of general services", "Plant manager", "Architect",
)  # fmt: skip
# what a wish is for, beside what it is (opportunities.demo.customers.WANTS)
WHERE = (
    "", "", "", "", "ground floor", "first floor", "second floor", "third floor", "building A", "building B",
    "building C", "east wing", "west wing", "phase one", "phase two", "annex", "warehouse", "branch office",
    "head office", "showroom",
)  # fmt: skip
REOPENED = ("The budget came after all", "The other supplier failed", "They called again")
CYCLE_CHANGED = ("They have bought from us before", "A new company of theirs", "Entered as the wrong kind of deal")

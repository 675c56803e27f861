"""Words of an address that are no filters: said once for lists, the board, exports, bulk actions and saved views."""

VIEW = "view"  # the saved view that is open; blank where none is meant to be
EMBEDDED = "embedded"  # the list stands within another page
PLACES = ("after", "before")  # a place among the rows
SHAPES = ("order", "group", "columns", VIEW)  # how the rows look
OF_LIST = (*SHAPES, *PLACES, EMBEDDED)
OF_BOARD = ("order", "cards", "more", "new", VIEW)
FROM = "from"  # where the page of one row was opened
FLEETING = (VIEW, *PLACES, EMBEDDED, "more", "new", FROM)  # where somebody is in a page, not what the page shows
EVERY = frozenset((*OF_LIST, *OF_BOARD, FROM))

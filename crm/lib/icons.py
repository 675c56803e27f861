"""Our icons, drawn on a grid of 24 with a line of 2. Each is made into a ready string once, by name."""

from django.utils.safestring import SafeString

_CIRCLE = '<circle cx="{}" cy="{}" r="{}"/>'

# Path data; a tuple of three numbers is a circle.
_SHAPES: dict[str, tuple[str | tuple[float, float, float], ...]] = {
    "admin": ("M4 7h10M18 7h2M4 17h2M10 17h10", (16, 7, 2), (8, 17, 2)),
    "alert": ("M12 4l9 16H3z", "M12 10v4M12 17v.1"),
    "at": ((12, 12, 4), "M16 8v5.5a2.5 2.5 0 0 0 5 0V12a9 9 0 1 0-4 7.5"),
    "archive": ("M3 5h18v4H3zM5 9v10h14V9M10 13h4",),
    "arrow-left": ("M19 12H5M11 6l-6 6 6 6",),
    "arrow-right": ("M5 12h14M13 6l6 6-6 6",),
    "board": ("M4 4h4.5v16H4zM10 4h4.5v10H10zM16 4h4v13h-4z",),
    "building": ("M5 21V4h9v17M14 9h5v12M3 21h18M8 8h3M8 12h3M8 16h3",),
    "calendar": ("M4 6h16v14H4zM4 10h16M8 3v4M16 3v4",),
    "check": ("M5 12.5l4.5 4.5L19 7.5",),
    "chevron-down": ("M6 9l6 6 6-6",),
    "chevron-left": ("M15 6l-6 6 6 6",),
    "chevron-right": ("M9 6l6 6-6 6",),
    "chevron-up": ("M6 15l6-6 6 6",),
    "circle": ((12, 12, 8),),
    "clip": ("M20 11l-8.5 8.5a5 5 0 0 1-7-7L13 4a3.3 3.3 0 0 1 4.7 4.7l-8.5 8.5a1.7 1.7 0 0 1-2.4-2.4L14.5 7",),
    "clock": ((12, 12, 9), "M12 7v5l3 2"),
    "comment": ("M4 5h16v11H9l-5 4z",),
    "contact": ("M3 5h18v14H3zM6 16c.5-2.5 5.5-2.5 6 0M15 10h3M15 14h3", (9, 11, 2)),
    "copy": ("M8 8h12v12H8zM16 8V4H4v12h4",),
    "upload": ("M12 15V4M7 8.5l5-5 5 5M4 20h16",),
    "download": ("M12 4v11M7 10.5l5 5 5-5M4 20h16",),
    "edit": ("M4 20l1-5L16 4l4 4L9 19zM14 6l4 4",),
    "filter": ("M4 5h16l-6 8v6l-4-2v-4z",),
    "flag": ("M6 21V4h12l-3 4.5L18 13H6",),
    "home": ("M4 11l8-7 8 7M6 10v10h12V10M10 20v-6h4v6",),
    "inbox": ("M3 13l3-8h12l3 8v6H3zM3 13h5l2 3h4l2-3h5",),
    "info": ((12, 12, 9), "M12 11v5M12 8v.1"),
    "jump": ("M19 6l-7 6 7 6zM12 6l-7 6 7 6z",),
    "keyboard": ("M3 6h18v12H3zM7 10h.1M11 10h.1M15 10h.1M8 14h8",),
    "language": ((12, 12, 9), "M3 12h18M12 3c4 4 4 14 0 18M12 3c-4 4-4 14 0 18"),
    "list": ("M9 6h11M9 12h11M9 18h11M4 6h.1M4 12h.1M4 18h.1",),
    "logout": ("M10 4H5v16h5M15 8l4 4-4 4M19 12H9",),
    "mail": ("M3 6h18v12H3zM3 7l9 7 9-7",),
    "menu": ("M4 6h16M4 12h16M4 18h16",),
    "merge": ("M5 4v3c0 5 7 4 7 9v4M19 4v3c0 5-7 4-7 9M8.5 17l3.5 3.5 3.5-3.5",),
    "minus": ("M5 12h14",),
    "moon": ("M20 14.5A8.5 8.5 0 0 1 9.5 4 8.5 8.5 0 1 0 20 14.5z",),
    "people": ((9, 8, 3), "M3 20c0-4 2.5-6 6-6s6 2 6 6M16 5.2a3 3 0 0 1 0 5.6M17.5 14.4c2.3.7 3.5 2.7 3.5 5.6"),
    "person": ((12, 8, 4), "M4 21c0-5 3-7 8-7s8 2 8 7"),
    "phone": ("M6 3l3 1 1 5-2.5 1.5a12 12 0 0 0 6 6L15 14l5 1 1 3c0 2-2 3-4 3C10 20 4 14 3 7c0-2 1-4 3-4z",),
    "play": ("M8 5l11 7-11 7z",),
    "plus": ("M12 5v14M5 12h14",),
    "quote": ("M6 3h8l4 4v14H6zM14 3v4h4M9 12h6M9 16h6",),
    "search": ((11, 11, 6), "M20 20l-4.6-4.6"),
    "skip": ("M5 6l7 6-7 6zM12 6l7 6-7 6z",),
    "sun": (
        (12, 12, 4),
        "M12 3v1.5M12 19.5V21M3 12h1.5M19.5 12H21M5.6 5.6l1.1 1.1M17.3 17.3l1.1 1.1M5.6 18.4l1.1-1.1M17.3 6.7l1.1-1.1",
    ),
    "system": ("M3 4h18v12H3zM8 20h8M12 16v4",),
    "tag": ("M4 4h8l8 8-8 8-8-8z", (8.5, 8.5, 1)),
    "target": ((12, 12, 9), (12, 12, 5), (12, 12, 1)),
    "undo": ("M8 14L4 10l4-4M4 10h10a5 5 0 0 1 0 10h-4",),
    "x": ("M6 6l12 12M18 6L6 18",),
}


def _drawn(shapes: tuple[str | tuple[float, float, float], ...]) -> SafeString:
    inside = "".join(f'<path d="{shape}"/>' if isinstance(shape, str) else _CIRCLE.format(*shape) for shape in shapes)
    # constants of this file only, nothing a person typed; how lines are drawn says the style sheet, once for hundreds of icons
    return SafeString(f'<svg class="icon" viewBox="0 0 24 24" aria-hidden="true">{inside}</svg>')


ICONS = {name: _drawn(shapes) for name, shapes in _SHAPES.items()}

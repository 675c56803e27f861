"""How fast the pages are beside a bare Django view: `make bench`. No test: figures to look at."""

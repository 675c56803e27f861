"""Fictitious companies, their people, and what they want. Text of demo data is data: it is not translated."""

# name | domain | country | post code | city | address | phone | language | people as “name, job”; the first is the one we met
COMPANIES = """
Havukka Logistics Oy | havukka | FI | 33100 | Tampere | Ratapihankuja 14 | +358 3 555 0110 | fi | Pirjo Havukka, Managing director; Tuomas Rinne, Office manager
Saarniranta Hotels Oy | saarniranta | FI | 20100 | Turku | Jokirannantie 3 | +358 2 555 0111 | fi | Eeva Laaksola, Head of procurement
Kuusilampi Foundation | kuusilampi | FI | 70110 | Kuopio | Koivulehdonkatu 21 | +358 17 555 0112 | fi | Antti Merilä, Property manager
Lillsund Fastigheter AB | lillsund | SE | 411 05 | Göteborg | Varvsgränden 9 | +46 31 390 06 13 | sv | Karin Lillsund, Property director; Oskar Hedbrink, Project manager
Björkhamn Museum | bjorkhamn | SE | 111 29 | Stockholm | Segelgatan 40 | +46 8 465 004 14 | sv | Maja Sternvik, Exhibition manager
Fjellvik Shipping AS | fjellvik | NO | 5003 | Bergen | Tollbodbrygga 6 | +47 55 55 01 15 | nb | Ingrid Fjellvik, Chief financial officer; Lars Haugmo, Purchaser
Nordlia Klinikk AS | nordlia | NO | 7010 | Trondheim | Lysebakken 11 | +47 73 55 01 16 | nb | Sigrid Tofte, Clinic manager
Strandkær Foods ApS | strandkaer | DK | 8000 | Aarhus | Fiskerpladsen 2 | +45 55 55 01 17 | da | Mads Strandkær, Owner
Talbrück Maschinenbau GmbH | talbrueck | DE | 70173 | Stuttgart | Mühlenstieg 18 | +49 711 555 0118 | de | Jutta Talbrück, Managing director; Heiko Sandmeyer, Purchasing manager
Elbkante Medien GmbH | elbkante | DE | 20457 | Hamburg | Speicherkai 33 | +49 40 66969 119 | de | Nele Dornbusch, Head of office services
Sonnfeld Kliniken GmbH | sonnfeld | DE | 04109 | Leipzig | Am Sonnfeld 1 | +49 341 555 0120 | de | Dr. Bernd Ackerfeld, Administrative director; Sabine Lohr, Purchaser
Duinvoort Advies B.V. | duinvoort | NL | 2511 CV | Den Haag | Zeilmakersplein 7 | +31 70 555 0121 | nl | Femke Duinvoort, Partner
Polderlicht Energie B.V. | polderlicht | NL | 3511 LX | Utrecht | Molenwerf 52 | +31 30 555 0122 | nl | Joost Hoekhuis, Facility manager; Anouk Veldt, Buyer
Clairmarais Assurances SA | clairmarais | FR | 59800 | Lille | 12 rue du Pont-Neuf | +33 3 53 01 01 23 | fr | Hélène Vasseron, Head of general services
Vallonbleu Hôtels SARL | vallonbleu | FR | 69002 | Lyon | 4 quai des Tisserands | +33 1 99 00 01 24 | fr | Bruno Castellane, Purchasing director
Pietrachiara Viaggi S.r.l. | pietrachiara | IT | 40121 | Bologna | Via dei Liutai 8 | +39 051 555 0125 | it | Chiara Bonfadelli, Managing director
Montelago Tessuti S.p.A. | montelago | IT | 22100 | Como | Via del Setificio 27 | +39 031 555 0126 | it | Paolo Ferrandini, Plant manager; Lucia Amadesi, Purchaser
Thornwick & Vale LLP | thornwickvale | GB | LS1 4HG | Leeds | 88 Wool Court | +44 113 496 0127 | en | Imogen Thornwick, Senior partner
Pellow Harbour Brewing Ltd | pellowharbour | GB | BS1 6XN | Bristol | 3 Cooperage Wharf | +44 117 496 0128 | en | Jago Pellow, Founder; Ruth Amberly, Operations manager
Kilbracken Software Ltd | kilbracken | IE | D02 X285 | Dublin | 19 Weavers Row | +353 1 555 0129 | en | Aoife Brackenridge, Head of people
Cedar Gulch Dental Group | cedargulch | US | 80202 | Denver | 410 Gulch Avenue | +1 303 555 0130 | en | Dana Whitcombe, Practice manager
Halvorsen Point Media | halvorsenpoint | US | 98101 | Seattle | 77 Ferry Landing | +1 206 555 0131 | en | Marcus Halvorsen, Creative director; Priya Ramsden, Studio manager
Bluestem Prairie College | bluestem | US | 53703 | Madison | 1200 College Lane | +1 608 555 0132 | en | Walter Oakes, Head of campus planning
Maple Quay Insurance | maplequay | CA | B3J 1S9 | Halifax | 15 Quay Street | +1 902 555 0133 | en | Josée Thibodal, Office services manager
Almendral Diseño S.L. | almendral | ES | 46002 | Valencia | Calle del Olivo 16 | +34 96 555 01 34 | es | Inés Almendral, Architect
Hochtann Bergbahnen AG | hochtann | AT | 6020 | Innsbruck | Gipfelweg 5 | +43 512 555 0135 | de | Florian Hochtanner, Head of hospitality
Merikivi Ehitus OÜ | merikivi | EE | 10111 | Tallinn | Paadi tee 30 | +372 600 0136 | et | Kadri Merikivi, Project director
"""

# what they want, and about what it costs in euro
WANTS = """
Desks for the new office floor | 38000
Height-adjustable desks, 40 seats | 26000
Acoustic panels for the call centre | 14500
Lobby and reception furniture | 31000
Chairs for two meeting rooms | 5200
Boardroom table, oak, 16 seats | 11800
Complete refit of the head office | 240000
Shelving for the archive | 8600
Lounge seating for the staff canteen | 17500
Phone booths, six pieces | 39000
Lockers for the changing rooms | 7400
Home-office package for 25 people | 18200
Replacement of 120 task chairs | 43000
Furniture for 60 hotel rooms | 185000
Waiting-room seating | 9300
Whiteboards and flipcharts | 1900
Partition walls for the open office | 22500
Lighting for the design studio | 12400
Auditorium seating, 220 seats | 128000
Standing desks, trial of five | 3400
Outdoor furniture for the terrace | 15800
Library shelves and reading desks | 56000
Classroom furniture, first phase | 72000
Cafeteria tables and benches | 19800
Executive office, two rooms | 24500
Storage cabinets with locks | 4800
Training room, folding tables | 6900
Coat racks and umbrella stands | 950
Framework agreement for seating | 96000
Ergonomic survey and new chairs | 13200
Monitor arms, 80 pieces | 7100
Sofas for the quiet area | 8800
Fit-out of the showroom | 67000
Laboratory stools | 5600
Nurses' stations, two wards | 48000
Co-working area on the ground floor | 58000
Desk lamps, 60 pieces | 4200
Press room furniture | 16300
Bar stools and high tables | 6100
Relocation and new furniture, Building B | 152000
Sound-absorbing curtains | 3700
Conference chairs, stackable | 10400
Kitchen units for three floors | 35000
Noticeboards for the workshop | 1400
Desk dividers, 50 pieces | 5900
Breakfast room, tables and chairs | 28500
Waste-sorting stations | 2600
Furniture for the apprentices' room | 12900
Rental furniture for a trade fair | 7800
Ticket office counters | 21000
Spare parts for swivel chairs | 620
Workbenches for the plant office | 14200
Children's corner in the waiting area | 2300
Video meeting room, furniture only | 9700
Second-hand desks, 30 seats | 8200
Staff house, six apartments | 83000
Interior concept for the branch offices | 115000
Carpet tiles for the corridor | 6400
Display cases for the foyer | 33500
Roof terrace shading and seating | 20500
Drawing tables for the architects | 18900
Guest chairs, leather | 7700
Exam hall, 300 folding tables | 27000
Bench seating for the ski room | 16900
Reading lamps for the library | 3100
Wardrobes for the guest rooms | 44500
Desks for the new team in sales | 9900
Mobile pedestals, 70 pieces | 8900
Meeting pods, two pieces | 23800
Office plants and planters | 2900
Maintenance of height-adjustable desks | 4500
Reception desk, made to measure | 13800
Furnishing of the new wing | 205000
Chairs for the courtroom replica | 5300
Staff lounge on the quay | 11200
Server room workplaces | 6700
Changing tables and benches | 4100
Framework agreement for lighting | 41000
Shelving system for the shop | 12100
Furniture for the tasting room | 25500
Desks for the summer trainees | 7300
Bookable desks with lockers | 29500
Sit-stand stools for the assembly line | 5100
Council chamber, desks and seating | 88000
Play area for the ferry terminal | 36500
"""

POSTPONED = (
    "Their board meets later than planned",
    "Budget is released next quarter",
    "Waiting for the building permit",
    "The person who decides is on leave",
    "They want to see the showroom first",
)
REVISED = (
    "Fewer pieces than first said",
    "Delivery and assembly added",
    "Better material chosen",
    "Volume discount agreed",
)
WENT_BACK = (
    "New requirements, to be presented again",
    "Another department has a say now",
    "They asked for a new proposal",
)
HANDED_OVER = ("Better known to the customer", "Shares out the work", "Nearer to the customer")

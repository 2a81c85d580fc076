"""Where the made-up people live: names, towns, companies, posts and number ranges of each country.

A name that ASCII cannot be derived from by dropping its marks carries its Latin spelling after `=`.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Range:
    """A range of telephone numbers: `prefix` in E.164, then `digits` more; the area code has `area` digits."""

    prefix: str
    digits: int
    area: int
    is_mobile: bool


@dataclass(frozen=True, slots=True)
class Country:
    """What people of one country have in common; `trunk` is what is dialled before a national number."""

    code: str
    calling_code: str
    trunk: str
    ranges: tuple[Range, ...]
    first_names: str
    last_names: str
    cities: str
    companies: str
    posts: str
    languages: tuple[str, ...]
    people: int
    """How many of every hundred."""


GERMAN_POSTS = "Geschäftsführerin|Leiter Einkauf|Projektleitung|Sachbearbeiter, Vertrieb|Kfm. Angestellte"
ENGLISH_POSTS = 'Head of Sales, EMEA|Chief Executive Officer|Buyer|VP "Special Projects"|Office Manager'

COUNTRIES = (
    Country(
        "DE",
        "49",
        "0",
        (
            Range("+49170", 7, 3, is_mobile=True),
            Range("+49151", 8, 3, is_mobile=True),
            Range("+4930", 8, 2, is_mobile=False),
            Range("+4989", 8, 2, is_mobile=False),
        ),
        "Jürgen=Juergen|Zoë|Anna Maria|Björn=Bjoern|Käthe=Kaethe|Lukas|Hans-Peter|Änne=Aenne|Sophie|Max",
        "Müller=Mueller|Weiß=Weiss|Schröder=Schroeder|von der Heide|Groß-Kern=Gross-Kern|Öztürk=Oeztuerk|Lang",
        "München=Muenchen|Köln=Koeln|Berlin|Lüneburg=Lueneburg|Frankfurt am Main|Halle (Saale)",
        "{} GmbH|{} & Söhne GmbH & Co. KG={} & Soehne GmbH & Co. KG|Autohaus {} e. K.",
        GERMAN_POSTS,
        ("de",),
        18,
    ),
    Country(
        "AT",
        "43",
        "0",
        (Range("+43664", 7, 3, is_mobile=True), Range("+431", 7, 1, is_mobile=False)),
        "Franz|Resi|Jörg=Joerg|Magdalena|Xaver",
        "Gruber|Hölzl=Hoelzl|Prohaska|Stögner=Stoegner|Wiesinger",
        "Wien|Linz|St. Pölten=St. Poelten|Graz",
        "{} Ges.m.b.H.|{} OG",
        GERMAN_POSTS,
        ("de-AT",),
        5,
    ),
    Country(
        "CH",
        "41",
        "0",
        (Range("+4179", 7, 2, is_mobile=True), Range("+4144", 7, 2, is_mobile=False)),
        "Urs|Beat|Élodie|François|Regula",
        "Zürcher=Zuercher|Bünzli=Buenzli|Favre|Rochat|Ammann",
        "Zürich=Zuerich|Genève|Winterthur|Lausanne",
        "{} AG|{} Sàrl|{} Treuhand AG",
        GERMAN_POSTS,
        ("de-CH", "fr-CH"),
        5,
    ),
    Country(
        "FR",
        "33",
        "0",
        (Range("+336", 8, 1, is_mobile=True), Range("+331", 8, 1, is_mobile=False)),
        "Anaïs|Jean-François|Chloé|Gaël|Maëlle|Cœline=Coeline|Bruno",
        "Lefèvre|D'Aubigné|Dupont|Garçon|Le Goff|Noël",
        "Paris|Besançon|Saint-Étienne|Nîmes|L'Haÿ-les-Roses",
        "{} SARL|Établissements {}|{} & Fils, S.A.S.",
        "Directrice générale|Chargé d'affaires|Ingénieur, qualité|Acheteuse",
        ("fr",),
        8,
    ),
    Country(
        "ES",
        "34",
        "",
        (Range("+346", 8, 2, is_mobile=True), Range("+3491", 7, 2, is_mobile=False)),
        "José Luis|Begoña|Íñigo|María del Carmen|Ángel|Lucía",
        "García Márquez|Núñez|Peña|Ibáñez|de la Fuente",
        "Málaga|A Coruña|Madrid|Logroño",
        "{}, S.L.|Talleres {} S.A.|{} e Hijos",
        "Director de ventas|Responsable de compras, península|Dueña|Técnico",
        ("es",),
        7,
    ),
    Country(
        "IT",
        "39",
        "",
        (Range("+39347", 7, 3, is_mobile=True), Range("+3902", 8, 2, is_mobile=False)),
        "Niccolò|Chiara|Giosuè|Andrea|Mariateresa",
        "Dell'Orto|Bianchi|Prefumì|De Luca|Esposito",
        "Milano|Forlì|Cefalù|Torino",
        "{} S.r.l.|Fratelli {} s.n.c.|{} S.p.A.",
        "Titolare|Responsabile qualità|Ufficio acquisti",
        ("it",),
        6,
    ),
    Country(
        "GB",
        "44",
        "0",
        (Range("+447400", 6, 4, is_mobile=True), Range("+44207", 7, 2, is_mobile=False)),
        "Siân|Oliver|Chloe|Mary-Anne|Graham",
        "O'Neil|Null|Smythe|Jones-Parry|MacDonald",
        "London|Stoke-on-Trent|King's Lynn|Leeds",
        '{} Ltd|{} & Sons Ltd.|The "Old" {} Company',
        ENGLISH_POSTS,
        ("en-GB",),
        9,
    ),
    Country(
        "IE",
        "353",
        "0",
        (Range("+35387", 7, 2, is_mobile=True), Range("+3531", 7, 1, is_mobile=False)),
        "Aoife|Seán|Róisín|Conor",
        "O'Brien|Ó Súilleabháin|Byrne|D'Arcy",
        "Dublin|Dún Laoghaire|Cork",
        "{} Limited|{} Teo.",
        ENGLISH_POSTS,
        ("en-IE",),
        5,
    ),
    Country(
        "NL",
        "31",
        "0",
        (Range("+316", 8, 1, is_mobile=True), Range("+3120", 7, 2, is_mobile=False)),
        "Daniël|Femke|Joost|Zoë|Willem-Jan",
        "van der Berg|'t Hooft|de Vries|Coördes=Coordes|IJsbrand",
        "Amsterdam|'s-Gravenhage|Den Bosch|Súdwest-Fryslân",
        "{} B.V.|Handelsonderneming {} V.O.F.",
        "Directeur|Inkoper|Hoofd verkoop, Benelux",
        ("nl",),
        6,
    ),
    Country(
        "PL",
        "48",
        "",
        (Range("+4860", 7, 3, is_mobile=True), Range("+4822", 7, 2, is_mobile=False)),
        "Łukasz|Małgorzata|Świętosława|Paweł|Agnieszka",
        "Wójcik|Żółty|Kowalska|Błaszczykowski|Nowak-Ziębińska",
        "Łódź|Kraków|Gdańsk|Warszawa",
        "{} Sp. z o.o.|Zakład Usługowy {}|{} S.A.",
        "Kierownik działu zakupów|Właścicielka|Księgowy",
        ("pl",),
        6,
    ),
    Country(
        "US",
        "1",
        "",
        tuple(
            Range(f"+1{area}55501", 2, 3, is_mobile=True) for area in (202, 212, 303, 312, 415, 512, 617, 206)
        ),
        "Ashley|Tyler|Mary Jo|DeShawn|Renée|Jack",
        "Johnson|O'Hara|Nguyen|St. John|Rodriguez-Lee|Washington",
        "New York|Austin|St. Louis|Winston-Salem",
        "{}, Inc.|{} Holdings, LLC|{} Bros. Co.",
        ENGLISH_POSTS,
        ("en-US",),
        8,
    ),
    Country(
        "JP",
        "81",
        "0",
        (Range("+8190", 8, 2, is_mobile=True), Range("+8133", 7, 1, is_mobile=False)),
        "太郎=Taro|花子=Hanako|さくら=Sakura|健一=Kenichi|ユキ=Yuki",
        "山田=Yamada|佐藤=Sato|髙橋=Takahashi|渡邉=Watanabe",
        "東京=Tokyo|大阪=Osaka|京都=Kyoto",
        "{}商事株式会社={} Shoji K.K.|株式会社{}={} K.K.",
        "部長=General Manager|営業担当=Sales Representative|代表取締役=President",
        ("ja",),
        4,
    ),
    Country(
        "BR",
        "55",
        "",
        (Range("+55119", 8, 2, is_mobile=True), Range("+55113", 7, 2, is_mobile=False)),
        "João|Conceição|Antônio|Luíza|Thaís",
        "da Silva|Gonçalves|Araújo|dos Santos Júnior",
        "São Paulo|Brasília|Florianópolis",
        "{} Ltda.|Comércio {} S/A",
        "Gerente de vendas|Sócia-diretora|Comprador, matriz",
        ("pt-BR",),
        4,
    ),
    Country(
        "IN",
        "91",
        "0",
        (Range("+9198", 8, 5, is_mobile=True), Range("+91112", 7, 2, is_mobile=False)),
        "Priya|Arjun|Venkata Subramanian|Meera|आर्या=Arya",
        "Iyer|Singh|D'Souza|Chatterjee|Rao",
        "Bengaluru|New Delhi|Thiruvananthapuram",
        "{} Pvt. Ltd.|{} & Co.",
        ENGLISH_POSTS,
        ("en-IN", "hi"),
        3,
    ),
    Country(
        "TR",
        "90",
        "0",
        (Range("+90532", 7, 3, is_mobile=True), Range("+90212", 7, 3, is_mobile=False)),
        "İbrahim|Işıl|Gökçe|Çağrı|Şule",
        "Yılmaz|İnönü|Aydın|Gülşen|Kılıç",
        "İstanbul|Diyarbakır|İzmir",
        "{} A.Ş.|{} Ticaret Ltd. Şti.",
        "Satış müdürü|Genel müdür|İş geliştirme",
        ("tr",),
        3,
    ),
    Country(
        "GR",
        "30",
        "",
        (Range("+30694", 7, 3, is_mobile=True), Range("+302103", 6, 3, is_mobile=False)),
        "Γιώργος=Giorgos|Ελένη=Eleni|Νίκος=Nikos|Ζωή=Zoi",
        "Παπαδόπουλος=Papadopoulos|Γεωργίου=Georgiou|Οικονόμου=Oikonomou",
        "Αθήνα=Athens|Θεσσαλονίκη=Thessaloniki",
        "{} Α.Ε.={} S.A.|Αφοί {} Ο.Ε.=Adelfoi {} O.E.",
        "Διευθύντρια=Director|Πωλητής=Salesman",
        ("el",),
        2,
    ),
    Country(
        "BG",
        "359",
        "0",
        (Range("+35988", 7, 2, is_mobile=True), Range("+3592", 7, 1, is_mobile=False)),
        "Иван=Ivan|Мария=Maria|Георги=Georgi|Йоана=Yoana",
        "Петров=Petrov|Димитрова=Dimitrova|Стоянов=Stoyanov",
        "София=Sofia|Пловдив=Plovdiv",
        '"{}" ЕООД="{}" EOOD|{} и синове ООД={} i sinove OOD',
        "Управител=Manager|Търговец=Merchant",
        ("bg",),
        1,
    ),
)

BY_CODE = {country.code: country for country in COUNTRIES}

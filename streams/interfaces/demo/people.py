"""Invents people: names in the scripts of their countries, valid phone numbers, e-mails that reach nobody."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

import phonenumbers
from phonenumbers import PhoneNumberFormat, PhoneNumberType


@dataclass(frozen=True, slots=True)
class Country:
    """A country of people of the demo. `Мария=maria` is a name as it is written, and as it stands in an e-mail."""

    code: str
    spellings: tuple[str, ...]
    """What people write into a form."""
    language: str
    first: tuple[str, ...]
    last: tuple[str, ...]
    cities: tuple[str, ...]
    companies: tuple[str, ...]


COUNTRIES = (
    Country(
        "DE", ("DE", "Germany", "Deutschland"), "de",
        ("Lena", "Jürgen=juergen", "Katrin", "Moritz", "Anneliese", "Tobias"),
        ("Müller=mueller", "Schmidt", "Weiß=weiss", "Krüger=krueger", "von der Heide=vonderheide", "Böhm=boehm"),
        ("Berlin", "München", "Köln"), ("Nordlicht GmbH", "Brückner & Söhne", "Feinwerk AG"),
    ),
    Country(
        "US", ("US", "USA", "United States"), "en",
        ("Ashley", "Marcus", "Priscilla", "Dwayne", "Hannah", "Luis"),
        ("Johnson", "O'Brien=obrien", "Nguyen", "Washington", "Kowalski", "Reed"),
        ("Austin", "Chicago", "Portland"), ("Blue Mesa Inc.", "Harbor Analytics", "Kite & Co."),
    ),
    Country(
        "FR", ("FR", "France"), "fr",
        ("Chloé=chloe", "François=francois", "Élodie=elodie", "Hugo", "Margaux", "Benoît=benoit"),
        ("Lefèvre=lefevre", "Dubois", "Moreau", "Garnier", "d'Aubigné=daubigne", "Petit"),
        ("Paris", "Lyon", "Nantes"), ("Atelier Rivage", "Société Lumen", "Caves du Midi"),
    ),
    Country(
        "ES", ("ES", "España", "Spain"), "es",
        ("Lucía=lucia", "Álvaro=alvaro", "Nuria", "Íñigo=inigo", "Carmen", "Pablo"),
        ("García=garcia", "Ibáñez=ibanez", "Núñez=nunez", "Serrano", "Vidal", "Ortega"),
        ("Madrid", "Sevilla", "Bilbao"), ("Olivar Norte", "Talleres Vega", "Sol y Sal S.L."),
    ),
    Country(
        "GB", ("GB", "UK", "United Kingdom"), "en",
        ("Imogen", "Rhys", "Oliver", "Saoirse", "Harriet", "Angus"),
        ("Clarke", "MacLeod", "Okafor", "Whitby", "Davies", "Shah"),
        ("Leeds", "Bristol", "Cardiff"), ("Thistle Ltd", "Marlowe Press", "Fenland Foods"),
    ),
    Country(
        "PL", ("PL", "Polska", "Poland"), "pl",
        ("Agnieszka", "Łukasz=lukasz", "Zofia", "Paweł=pawel", "Małgorzata=malgorzata", "Jan"),
        ("Wójcik=wojcik", "Kowalczyk", "Zając=zajac", "Dąbrowski=dabrowski", "Lis", "Mazur"),
        ("Kraków", "Gdańsk", "Łódź"), ("Bursztyn Sp. z o.o.", "Wisła Soft", "Zielona Energia"),
    ),
    Country(
        "UA", ("UA", "Україна", "Ukraine"), "uk",
        ("Олена=olena", "Тарас=taras", "Соломія=solomiia", "Богдан=bohdan", "Ірина=iryna", "Андрій=andrii"),  # noqa: RUF001 - a Ukrainian name
        ("Шевченко=shevchenko", "Коваль=koval", "Бондар=bondar", "Лисенко=lysenko", "Мороз=moroz", "Гнатюк=hnatiuk"),
        ("Київ", "Львів", "Одеса"), ("Дніпро Софт", "Соняшник", "Карпати Тревел"),
    ),
    Country(
        "GR", ("GR", "Ελλάδα", "Greece"), "el",
        ("Ελένη=eleni", "Νίκος=nikos", "Σοφία=sofia", "Γιώργος=giorgos", "Δήμητρα=dimitra", "Κώστας=kostas"),
        ("Παππάς=pappas", "Νικολάου=nikolaou", "Ρήγα=riga", "Βλάχος=vlachos", "Αλεξίου=alexiou", "Δούκας=doukas"),
        ("Αθήνα", "Πάτρα", "Χανιά"), ("Αιγαίο ΑΕ", "Μέλι & Θυμάρι", "Ναυτική Σύρου"),  # noqa: RUF001 - Greek
    ),
    Country(
        "JP", ("JP", "日本", "Japan"), "ja",
        ("美咲=misaki", "健太=kenta", "さくら=sakura", "大輔=daisuke", "陽子=yoko", "翔=sho"),
        ("佐藤=sato", "鈴木=suzuki", "高橋=takahashi", "渡辺=watanabe", "小林=kobayashi", "森=mori"),
        ("東京", "大阪", "札幌"), ("青空株式会社", "北海工業", "みどり商店"),
    ),
    Country(
        "IN", ("IN", "India", "भारत"), "hi",
        ("प्रिया=priya", "Arjun", "अनन्या=ananya", "Rohan", "मीरा=meera", "Vikram"),
        ("शर्मा=sharma", "Iyer", "पटेल=patel", "Banerjee", "Reddy", "सिंह=singh"),
        ("Mumbai", "Pune", "दिल्ली"), ("Monsoon Labs", "Saffron Retail", "Himadri Tea"),
    ),
    Country(
        "EG", ("EG", "مصر", "Egypt"), "ar",
        ("ليلى=layla", "عمر=omar", "نور=nour", "يوسف=youssef", "مريم=mariam", "كريم=karim"),
        ("حسن=hassan", "فاروق=farouk", "منصور=mansour", "الشريف=elsherif", "سالم=salem", "زكي=zaki"),
        ("القاهرة", "الإسكندرية", "أسوان"), ("شركة النيل", "واحة للتقنية", "دار اللوتس"),
    ),
    Country(
        "BR", ("BR", "Brasil", "Brazil"), "pt-BR",
        ("João=joao", "Beatriz", "Conceição=conceicao", "Thiago", "Larissa", "Antônio=antonio"),
        ("da Silva=dasilva", "Araújo=araujo", "Gonçalves=goncalves", "Pereira", "Teixeira", "Rocha"),
        ("São Paulo", "Recife", "Curitiba"), ("Café Serra", "Maré Alta Ltda.", "Ipê Digital"),
    ),
)  # fmt: skip
JOBS = ("Head of Sales", "CTO", "Buyer", "Owner", "Marketing Manager", "Engineer", "Office Manager")


@dataclass(frozen=True, slots=True)
class Person:
    """A person who may become a lead."""

    country: Country
    first: str
    last: str
    email: str
    phone: str
    """E.164."""
    company: str
    city: str
    job: str

    def phone_as(self, style: int) -> str:
        """Return the phone in one of four spellings; only the last needs the country to be read."""
        number = phonenumbers.parse(self.phone)
        if style % 4 == 1:
            return phonenumbers.format_number(number, PhoneNumberFormat.INTERNATIONAL)
        if style % 4 == 2:  # noqa: PLR2004 - one of the four
            return "00" + self.phone[1:]
        if style % 4 == 3:  # noqa: PLR2004 - as above
            return phonenumbers.format_number(number, PhoneNumberFormat.NATIONAL)
        return self.phone

    def email_as(self, style: int) -> str:
        """Return the e-mail in one of four spellings of one address."""
        name, _, domain = self.email.partition("@")
        return (
            f"{name}@{domain.upper()}",
            self.email.upper(),
            f"  {self.email} ",
            f"{name.title()}@{domain}",
        )[style % 4]


class People:
    """An endless source of people, the same for the same `random`; no two share an e-mail or a phone."""

    def __init__(self, random: Random) -> None:
        """Take the source of all random choices."""
        self._random = random
        self._emails: set[str] = set()
        self._phones: set[str] = set()

    def next(self) -> Person:
        """Return a new person."""
        random = self._random
        country = random.choice(COUNTRIES)
        first, first_ascii = _spellings(random.choice(country.first))
        last, last_ascii = _spellings(random.choice(country.last))
        return Person(
            country,
            first,
            last,
            self._email(first_ascii, last_ascii),
            self._phone(country.code),
            random.choice(country.companies),
            random.choice(country.cities),
            random.choice(JOBS),
        )

    def _email(self, first: str, last: str) -> str:
        # Domains that are reserved for examples: should a mail ever escape, it reaches nobody.
        domain = self._random.choice(("example.com", "example.org", "example.net", "mail.example.com"))
        tail = ""
        while (email := f"{first}.{last}{tail}@{domain}") in self._emails:
            tail = str(int(tail or 1) + 1)
        self._emails.add(email)
        return email

    def _phone(self, region: str) -> str:
        example = phonenumbers.example_number_for_type(region, PhoneNumberType.MOBILE)
        assert example is not None  # noqa: S101 - our countries have mobile phones
        stem = phonenumbers.format_number(example, PhoneNumberFormat.E164)[:-4]
        while True:
            phone = f"{stem}{self._random.randrange(10_000):04}"
            if phone not in self._phones and phonenumbers.is_valid_number(phonenumbers.parse(phone)):
                self._phones.add(phone)
                return phone


def _spellings(name: str) -> tuple[str, str]:
    written, _, latin = name.partition("=")
    return written, latin or written.lower()

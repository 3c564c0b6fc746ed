/** The vendor's data: the same companies, contacts and deals at every start, with ids that never change. */

export interface Company {
  readonly id: string
  readonly name: string
  readonly domain: string
  readonly industry: string
  readonly city: string
  readonly employees: number
  readonly createdAt: string
}

export interface ContactFields {
  readonly firstName: string
  readonly lastName: string
  readonly email: string
  readonly phone: string | null
  readonly title: string | null
  readonly companyId: string | null
  readonly tags: readonly string[]
}

export interface Contact extends ContactFields {
  readonly id: string
  readonly createdAt: string
  readonly updatedAt: string
}

export interface Deal {
  readonly id: string
  readonly title: string
  readonly stage: string
  readonly amount: number
  readonly currency: string
  readonly companyId: string
  readonly contactId: string
  readonly closesOn: string
}

export interface Records {
  readonly companies: readonly Company[]
  /** By id, in the order of their ids. */
  readonly contacts: Map<string, Contact>
  readonly deals: readonly Deal[]
}

export function createRecords(): Records {
  const companies = companyNames.map(createCompany)
  const contacts = Array.from({ length: 60 }, (_, index) => createContact(index, pick(companies, index)))
  const deals = Array.from({ length: 40 }, (_, index) => createDeal(index, companies, pick(contacts, index * 7)))
  return { companies, contacts: new Map(contacts.map(contact => [contact.id, contact])), deals }
}

/** `con_0007`: fixed width, so that the order of ids is the order of creation. */
export function formatId(prefix: string, number: number): string {
  return `${prefix}_${String(number).padStart(4, '0')}`
}

const companyNames = [
  ...['Brightwater Logistics', 'Alder & Finch', 'Nordlys Energi', 'Kestrel Robotics', 'Maple Street Bakery'],
  ...['Quantum Orchard', 'Blue Heron Travel', 'Óbidos Ceramics', 'Saffron Analytics', 'Ironbridge Tools'],
  ...['Lumen Health', 'Tidepool Games', 'Hartmann Optik', 'Cedar Point Law', 'Papaya Mobility'],
  ...['Granite Peak Outdoors', 'Velvet Fern Interiors', 'Rook Security', 'Solstice Films', 'Umami Kitchens'],
  ...['Zephyr Aviation', 'Pinewood Schools', 'Copper Kettle Tea', 'Delta Harbour Shipping', 'Wren & Sons'],
]
const industries = ['Logistics', 'Design', 'Energy', 'Manufacturing', 'Food', 'Software', 'Travel', 'Retail']
const cities = [
  'Rotterdam',
  'Lisbon',
  'Oslo',
  'Toronto',
  'Nairobi',
  'Osaka',
  'Leipzig',
  'Austin',
  'Kraków',
  'Melbourne',
]
const firstNames = [
  ...[
    'Ada',
    'Bruno',
    'Chloé',
    'Dmitri',
    'Elif',
    'Femi',
    'Greta',
    'Hiro',
    'Ines',
    'Jamal',
    'Katya',
    'Liam',
    'Mei',
    'Noor',
    'Oscar',
  ],
  ...[
    'Priya',
    'Quentin',
    'Rosa',
    'Søren',
    'Tariq',
    'Uma',
    'Viktor',
    'Wanjiru',
    'Xavier',
    'Yara',
    'Zoltán',
    'Anouk',
    'Ben',
    'Carmen',
    'Dara',
  ],
]
const lastNames = [
  ...[
    'Okafor',
    'Silva',
    'Lindqvist',
    'Tanaka',
    'Novak',
    'Haddad',
    'Murphy',
    'Rossi',
    'Kowalski',
    'Nguyen',
    'Schmidt',
    'Ortega',
    'Patel',
  ],
  ...[
    'Dubois',
    'Kim',
    'Andersen',
    'Mensah',
    'Ivanova',
    'Costa',
    'Yılmaz',
    'Fischer',
    'Moreau',
    'Santos',
    'Weber',
    'Ali',
    'Jensen',
    'Cohen',
  ],
  ...['Park', 'Müller', 'Reyes'],
]
const titles = ['Head of Sales', 'Buyer', 'Founder', 'Office Manager', 'Engineer', 'Finance Lead', 'Support Lead']
const tags = ['newsletter', 'vip', 'partner', 'trial', 'churn-risk']
const products = ['annual plan', 'pilot', 'renewal', 'expansion', 'training']
const stages = ['qualified', 'proposal', 'negotiation', 'won', 'lost']
const currencies = ['EUR', 'USD', 'GBP']

function createCompany(name: string, index: number): Company {
  return {
    id: formatId('com', index + 1),
    name,
    domain: `${toAscii(name)}.example`,
    industry: pick(industries, index),
    city: pick(cities, index * 3),
    employees: 8 + ((index * 137) % 900),
    createdAt: formatDay(index),
  }
}

function createContact(index: number, company: Company): Contact {
  const firstName = pick(firstNames, index)
  const lastName = pick(lastNames, index * 7 + Math.floor(index / firstNames.length))
  const createdAt = formatDay(30 + index)
  return {
    id: formatId('con', index + 1),
    firstName,
    lastName,
    email: `${toAscii(firstName)}.${toAscii(lastName)}@${company.domain}`,
    phone: index % 4 === 3 ? null : `+1 555 01${String(index).padStart(2, '0')}`,
    title: pick(titles, index * 3),
    companyId: company.id,
    tags: tags.filter((_, position) => (index + position) % (position + 3) === 0),
    createdAt,
    updatedAt: createdAt,
  }
}

function createDeal(index: number, companies: readonly Company[], contact: Contact): Deal {
  const company = companies.find(candidate => candidate.id === contact.companyId) ?? pick(companies, 0)
  return {
    id: formatId('deal', index + 1),
    title: `${company.name}: ${pick(products, index)}`,
    stage: pick(stages, index * 2 + Math.floor(index / 5)),
    amount: 1500 + ((index * 7919) % 48_000),
    currency: pick(currencies, index),
    companyId: company.id,
    contactId: contact.id,
    closesOn: formatDay(120 + index * 5).slice(0, 10),
  }
}

/** Goes round, so that every index has an item. */
function pick<T>(list: readonly T[], index: number): T {
  const item = list[index % list.length]
  if (item === undefined) throw new TypeError('an empty list has no item')
  return item
}

function toAscii(text: string): string {
  const plain = text.replaceAll('ø', 'o').replaceAll('ı', 'i').normalize('NFD')
  return plain.replace(/[^A-Za-z0-9]/g, '').toLowerCase()
}

function formatDay(daysAfterStart: number): string {
  return new Date(Date.UTC(2025, 0, 6 + daysAfterStart, 9)).toISOString()
}

/** The upstream's fixed answer: a page of contacts, about a kilobyte of JSON. */

const contacts = ['Ada Okafor', 'Bruno Rossi', 'Chidi Ünal', 'Dana Łukasik', 'Emi Tanaka'].map((name, index) => ({
  id: `con_${String(index + 1).padStart(4, '0')}`,
  // Above 2^53 and with a spelling of its own: whoever parses and writes it again changes it.
  externalId: 'EXTERNAL',
  name,
  email: `${name.split(' ')[0]?.toLowerCase()}@brightwater.example`,
  score: 0.5 + index,
  tags: ['customer', 'newsletter'],
  createdAt: '2025-03-14T09:26:53.589Z',
}))

export const answerText: string = JSON.stringify({
  data: contacts,
  nextCursor: 'Y29uXzAwMDU',
  hasMore: true,
}).replaceAll('"EXTERNAL"', '9007199254740993')

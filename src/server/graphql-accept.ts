/** In which media type a plain answer goes out: Yoga's own reading of the header `accept`, read once per spelling. */

export type AnswerType = 'application/json' | 'application/graphql-response+json'

/** Of two that match one wildcard the first is meant. */
const answerTypes: readonly AnswerType[] = ['application/json', 'application/graphql-response+json']

/** What Yoga can also answer with: results one after the other. */
const streamTypes = ['text/event-stream', 'multipart/mixed']

/** Few spellings are in use; whoever invents more shall not fill the memory with them. */
const maxSpellings = 100
const maxSpellingLength = 300
const known = new Map<string, AnswerType | undefined>()

/** Undefined when the client takes no single JSON answer: it is for Yoga to stream or to refuse. */
export function acceptedType(accept: string | undefined): AnswerType | undefined {
  if (accept === undefined || accept === '') return 'application/json'
  const remembered = known.get(accept)
  if (remembered !== undefined || known.has(accept)) return remembered
  const type = negotiate(accept)
  if (accept.length <= maxSpellingLength && known.size < maxSpellings) known.set(accept, type)
  return type
}

/** Whether any answer will do, a stream included. */
export function isAnswerable(accept: string | null): boolean {
  if (accept === null || accept === '') return true
  const ranges = rangesOf(accept)
  return [...answerTypes, ...streamTypes].some(type => ranges.some(range => isWithin(type, range)))
}

/** What is named first wins, whatever its `q`. */
function negotiate(accept: string): AnswerType | undefined {
  for (const range of rangesOf(accept)) {
    const found = answerTypes.find(type => isWithin(type, range))
    if (found !== undefined) return found
  }
  return undefined
}

/** In the order in which they are named; another charset than UTF-8 counts as not named. */
function rangesOf(accept: string): string[] {
  return accept
    .replace(/\s/g, '')
    .toLowerCase()
    .split(',')
    .flatMap(item => {
      const [range = '', ...parameters] = item.split(';')
      const charset = parameters.find(parameter => parameter.includes('charset='))
      return charset === undefined || charset === 'charset=utf-8' ? [range] : []
    })
}

function isWithin(type: string, range: string): boolean {
  const [kind, subtype] = type.split('/')
  const [rangeKind, rangeSubtype] = range.split('/')
  return (rangeKind === '*' || rangeKind === kind) && (rangeSubtype === '*' || rangeSubtype === subtype)
}

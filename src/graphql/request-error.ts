/** What GraphQL says of a wrong document or variable, without the values: one of them may be a credential. */
import type { ErrorDetail } from '../errors.ts'

export interface RequestError {
  readonly message: string
  readonly details?: readonly ErrorDetail[]
}

/**
 * What graphql-js and graphql-scalars say of a wrong value, up to where they repeat it. A sentence about a variable is
 * searched for these, and nothing else of it is kept.
 */
const reasons: readonly RegExp[] = [
  /Expected value of type "[\w![\]]{1,80}" to be an object/,
  /Expected value of type "[\w![\]]{1,80}" not to include unknown field "\w{1,80}"/,
  /Expected value of type "[\w![\]]{1,80}" to include required field "\w{1,80}"/,
  /Expected (?:value of )?non-null(?:able)? type "[\w![\]]{1,80}" not to be null/,
  /Value "\w{1,40}" does not exist in "\w{1,80}" enum(?:\. Did you mean the enum value (?:"\w{1,40}"(?:, | or |, or )?){1,6}\?)?/,
  /Enum "\w{1,80}" cannot represent non-(?:enum|string) value/,
  /(?:String|Int|Float|Boolean|ID) cannot represent (?:a )?non[ -][\w -]{1,40}value/,
  /DateTime cannot represent an invalid date-time-string/,
  /JSONObject takes a JSON object; got (?:null|a list|a \w{1,10})/,
  /Within OneOf Input Object type "\w{1,80}", exactly one field must be specified, and the value for that field must be non-null/,
]

/** The rule of graphql-js looks no further than where it is too much; it says neither figure. */
const introspectionTooDeep = 'Maximum introspection depth exceeded'
const introspectionLimit =
  'The introspection nests lists of fields or types at least 3 deep; it takes at most 2. Ask for fewer levels, or for __type by name.'

/** Longer sentences of GraphQL hold somebody's value. */
const maxLength = 500

/** `input.credential.apiKey` of a variable is the field `credential.apiKey`, as in the errors of the gateway itself. */
export function describeRequestError(message: string): RequestError {
  const [, variable] = /^Variable "\$(\w+)" got invalid value /.exec(message) ?? []
  if (message === introspectionTooDeep) return { message: introspectionLimit }
  if (variable === undefined) return { message: withoutValue(message) }
  const field = findField(message) ?? variable
  const sentence = `${field} is wrong: ${findReason(message) ?? 'it is not of the type that the schema says'}.`
  return { message: sentence, details: [{ field, message: sentence }] }
}

/** The path that stands last before the reason; a value's own quotes are escaped, so that it cannot pass for one. */
function findField(message: string): string | undefined {
  const at = message.lastIndexOf(' at "')
  if (at === -1) return undefined
  const path = /^[\w.[\]]{1,200}(?="; )/.exec(message.slice(at + 5, at + 300))?.[0]
  return path?.replace(/^input\./, '')
}

function findReason(text: string): string | undefined {
  return reasons.map(reason => reason.exec(text)?.[0]).find(found => found !== undefined)
}

/** Of a sentence about the document: values stand in its syntax errors and behind `found`. */
function withoutValue(message: string): string {
  const reason = findReason(message.slice(0, 2000))
  if (reason !== undefined) return `${reason}.`
  const shown = message.slice(0, maxLength).replace(/ (String|BlockString|Int|Float) "[\s\S]*$/, ' $1.')
  const found = shown.indexOf(', found: ')
  return found === -1 ? shown : `${shown.slice(0, found)}.`
}

/** What GraphQL says of a wrong document or variable, without the values: one of them may be a credential. */
import type { ASTNode } from 'graphql'
import type { ErrorDetail } from '../errors.ts'
import { fieldOf } from './document-field.ts'

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
  /Expected value of type "[\w![\]]{1,80}" not to include unknown field "\w{1,80}"(?:\. Did you mean (?:"\w{1,40}"(?:, | or |, or )?){1,6}\?)?/,
  /Expected value of type "[\w![\]]{1,80}" to include required field "\w{1,80}"/,
  /Expected (?:value of )?non-null(?:able)? type "[\w![\]]{1,80}" not to be null/,
  /Value "\w{1,40}" does not exist in "\w{1,80}" enum(?:\. Did you mean the enum value (?:"\w{1,40}"(?:, | or |, or )?){1,6}\?)?/,
  /Enum "\w{1,80}" cannot represent non-(?:enum|string) value/,
  /(?:String|Int|Float|Boolean) cannot represent (?:a )?non[ -][\w -]{1,40}value/,
  /DateTime takes RFC 3339 text such as 2026-11-21T09:30:00Z; got (?:a text of \d{1,9} characters|an? \w{1,10}|null)/,
  /JSONObject takes a JSON object; got (?:text|an? \w{1,10}|null)/,
  /Within OneOf Input Object type "\w{1,80}", exactly one field must be specified, and the value for that field must be non-null/,
]

/** The rule of graphql-js looks no further than where it is too much; it says neither figure. */
const introspectionTooDeep = 'Maximum introspection depth exceeded'
const introspectionLimit =
  'The introspection nests lists of fields or types at least 3 deep; it takes at most 2. Ask for fewer levels, or for __type by name.'

/** Longer sentences of GraphQL hold somebody's value. */
const maxLength = 500

/** @param nodes what it is about, when that is in the document */
export function describeRequestError(message: string, nodes: readonly ASTNode[] = []): RequestError {
  const [, variable] = /^Variable "\$(\w+)" got invalid value /.exec(message) ?? []
  if (message === introspectionTooDeep) return { message: introspectionLimit }
  if (variable === undefined) return describeDocumentError(message, nodes)
  const field = fieldWithin(findField(message) ?? variable)
  const sentence = isWrong(field, findReason(message) ?? 'it is not of the type that the schema says')
  return { message: sentence, details: [{ field, message: sentence }] }
}

/** A variable or an argument that is not there, or null: nothing in the document is about it. */
const missing = [
  /^Variable "\$(\w{1,80})" of (?:required|non-null) type /,
  /^Argument "(?:[\w.@]{1,200}\()?(\w{1,80})(?::\))?" /,
]

function describeDocumentError(text: string, nodes: readonly ASTNode[]): RequestError {
  const message = withoutValue(text)
  const named = missing.map(pattern => pattern.exec(text)?.[1]).find(name => name !== undefined)
  const field = named ?? fieldOf(nodes)
  if (field === undefined) return { message }
  const short = fieldWithin(field)
  const reason = findReason(text.slice(0, 2000))
  return {
    message,
    details: [{ field: short, message: reason === undefined ? message : isWrong(short, reason) }],
  }
}

function isWrong(field: string, reason: string): string {
  return endSentence(`${field} is wrong: ${reason}`)
}

/** Some end with a question. */
function endSentence(text: string): string {
  return text.endsWith('?') ? text : `${text}.`
}

/** `input.credential.apiKey` is the field `credential.apiKey`, as in the errors of the gateway itself. */
function fieldWithin(path: string): string {
  return path.replace(/^input\./, '')
}

/** The path that stands last before the reason; a value's own quotes are escaped, so that it cannot pass for one. */
function findField(message: string): string | undefined {
  const at = message.lastIndexOf(' at "')
  if (at === -1) return undefined
  return /^[\w.[\]]{1,200}(?="; )/.exec(message.slice(at + 5, at + 300))?.[0]
}

function findReason(text: string): string | undefined {
  const found = reasons.map(reason => reason.exec(text)?.[0]).find(reason => reason !== undefined)
  return found ?? reasonOfId(text)
}

/** What starts like this is such a value, in JSON and in a document. */
const kinds: readonly [start: RegExp, kind: string][] = [
  [/^"/, 'text'],
  [/^[-\d]/, 'a number'],
  [/^(?:true|false)\b/, 'a boolean'],
  [/^\[/, 'an array'],
  [/^\{/, 'an object'],
]

function reasonOfId(text: string): string | undefined {
  const [, value] = /ID cannot represent (?:a non-string and non-integer )?value: (.{1,6})/.exec(text) ?? []
  if (value === undefined) return undefined
  const [, kind] = kinds.find(([start]) => start.test(value)) ?? []
  return `ID takes text or a whole number; got ${kind ?? 'something else'}`
}

/** Of a sentence about the document: values stand in its syntax errors and behind `found`. */
function withoutValue(message: string): string {
  const reason = findReason(message.slice(0, 2000))
  if (reason !== undefined) return endSentence(reason)
  const shown = message.slice(0, maxLength).replace(/ (String|BlockString|Int|Float) "[\s\S]*$/, ' $1.')
  const found = shown.indexOf(', found: ')
  return found === -1 ? shown : `${shown.slice(0, found)}.`
}

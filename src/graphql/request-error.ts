/** What GraphQL says of a wrong document or variable, without the values: one of them may be a credential. */
import type { ErrorDetail } from '../errors.ts'

export interface RequestError {
  readonly message: string
  readonly details?: readonly ErrorDetail[]
}

/** `input.credential.apiKey` of a variable is the field `credential.apiKey`, as in the errors of the gateway itself. */
export function describeRequestError(message: string): RequestError {
  const [, variable = '', path, reason = ''] =
    /^Variable "\$(\w+)" got invalid value [\s\S]* at "([^"]*)"; ([\s\S]*)$/.exec(message) ?? []
  if (path !== undefined) {
    const field = path === variable ? variable : path.replace(/^input\./, '')
    const sentence = `${field} is wrong: ${withoutValues(reason)}`
    return { message: sentence, details: [{ field, message: sentence }] }
  }
  const [, name, rest = ''] = /^Variable "\$(\w+)" got invalid value [\s\S]*?; ([A-Z][\s\S]*)$/.exec(message) ?? []
  if (name === undefined) return { message: withoutValues(message) }
  const sentence = `${name} is wrong: ${withoutValues(rest)}`
  return { message: sentence, details: [{ field: name, message: sentence }] }
}

/** The ends of graphql-js's sentences, and of graphql-scalars', that repeat what was given. */
function withoutValues(sentence: string): string {
  return sentence
    .replace(/, found: [\s\S]*$/, '.')
    .replace(/(cannot represent (?:a |an |non-)?[\w -]*value): [\s\S]*$/, '$1.')
    .replace(/(cannot represent an invalid date-time-string) [\s\S]*$/, '$1.')
}

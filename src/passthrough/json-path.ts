/** JSONPath queries (RFC 9535) over a body: the matched values as their exact text, within bounds. */
import { JSONPathEnvironment, type JSONPathNode, type JSONPathQuery, type JSONValue } from 'json-p3'
import { RE2JS } from 're2js'
import { GatewayError, invalidInput } from '../errors.ts'
import { EmbeddedJson, textsAt } from './json-text.ts'
import { runWithin } from './run-within.ts'

const maxPathLength = 1000
const maxMatches = 10_000
/** Characters of all matches together; nested matches repeat each other's text. */
const maxTextLength = 16 * 1024 * 1024

const environment = createEnvironment()

/** A JSON text with what it says. */
export class QueryableJson {
  readonly #text: string
  readonly #value: unknown

  /** @param value `text`, parsed */
  constructor(text: string, value: unknown) {
    this.#text = text
    this.#value = value
  }

  /**
   * The list of values that a JSONPath matches, each as its exact text.
   * @param timeoutMs how long the query may hold up the process
   * @throws {GatewayError} INVALID_INPUT on a path that is wrong or asks too much, RESPONSE_TOO_LARGE on a result without end
   */
  select(path: string, timeoutMs: number): EmbeddedJson {
    return selectJson(this.#text, this.#value, path, timeoutMs)
  }
}

function selectJson(text: string, value: unknown, path: string, timeoutMs: number): EmbeddedJson {
  if (path.length > maxPathLength) {
    throw invalidInput('path', `path takes a JSONPath of at most ${maxPathLength} characters; got ${path.length}.`)
  }
  const query = compile(path)
  const texts = guardDepth(() =>
    runWithin(
      timeoutMs,
      () =>
        textsAt(
          text,
          findMatches(query, value as JSONValue).map(node => node.location),
        ),
      cause => {
        const message = `path takes more than ${timeoutMs} ms on this body; ask for less.`
        return new GatewayError('INVALID_INPUT', message, { cause, details: [{ field: 'path', message }] })
      },
    ),
  )
  const length = texts.reduce((sum, item) => sum + item.length, 0)
  if (length > maxTextLength) {
    const message = `The values that ${JSON.stringify(path)} matches have ${length} characters; at most ${maxTextLength} are sent.`
    throw new GatewayError('RESPONSE_TOO_LARGE', message)
  }
  return new EmbeddedJson(`[${texts.join(',')}]`)
}

function findMatches(query: JSONPathQuery, value: JSONValue): JSONPathNode[] {
  const matches: JSONPathNode[] = []
  for (const match of query.lazyQuery(value)) {
    if (matches.length === maxMatches) throw invalidInput('path', `path matches more than ${maxMatches} values.`)
    matches.push(match)
  }
  return matches
}

function compile(path: string): JSONPathQuery {
  try {
    return environment.compile(path)
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw invalidInput(
      'path',
      `path takes a JSONPath (RFC 9535) such as $.data[*].id; got ${JSON.stringify(path)}: ${reason}`,
    )
  }
}

/** What a query throws while it runs can only come from how deep the body is. */
function guardDepth<T>(run: () => T): T {
  try {
    return run()
  } catch (cause) {
    if (cause instanceof GatewayError) throw cause
    throw new GatewayError('INVALID_INPUT', 'The body is nested too deeply for this path.', {
      cause,
      details: [{ field: 'path', message: 'path leads deeper into the body than a query may go' }],
    })
  }
}

/** `match()` and `search()` run on RE2: the standard's I-Regexp (RFC 9485) in linear time. */
function createEnvironment(): JSONPathEnvironment {
  const created = new JSONPathEnvironment()
  for (const [name, isWhole] of [
    ['match', true],
    ['search', false],
  ] as const) {
    const standard = created.functionRegister.get(name)
    if (standard === undefined) throw new TypeError(`json-p3 has no function ${name}`)
    const { argTypes, returnType } = standard
    created.functionRegister.set(name, {
      argTypes,
      returnType,
      call: (text, pattern) => testPattern(text, pattern, isWhole),
    })
  }
  return created
}

function testPattern(text: unknown, pattern: unknown, isWhole: boolean): boolean {
  if (typeof text !== 'string' || typeof pattern !== 'string') return false
  try {
    const compiled = RE2JS.compile(pattern)
    return isWhole ? compiled.testExact(text) : compiled.test(text)
  } catch {
    // RFC 9535 §2.4.6: what is no I-Regexp matches nothing.
    return false
  }
}

/** Whatever is made of a valid operation, the answer is data or a refusal: nothing crashes, and nothing of it is INTERNAL. */
import { globSync, readFileSync } from 'node:fs'
import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import { join } from 'node:path'
import fc from 'fast-check'
import { type ExecutionResult, Lexer, Source, TokenKind } from 'graphql'
import { expect, test } from 'vitest'
import { createEvents } from '../../src/events.ts'
import { createLogger } from '../../src/log.ts'
import { createPipeline } from '../../src/server/graphql.ts'
import { PostContext } from '../../src/server/graphql-post.ts'
import { createGateway } from '../support/gateway.ts'

const folder = join(import.meta.dirname, '../../schema/operations')
const sources = globSync('*.graphql', { cwd: folder })
  .sort()
  .map(file => readFileSync(join(folder, file), 'utf8'))

/** Each with what follows it, so that joined they are the source again. */
function split(text: string): string[] {
  const lexer = new Lexer(new Source(text))
  const starts = [0]
  for (let token = lexer.advance(); token.kind !== TokenKind.EOF; token = lexer.advance()) starts.push(token.end)
  return starts.map((start, index) => text.slice(start, starts[index + 1]))
}

const pieces = sources.map(split)
const dictionary = [
  ...new Set(pieces.flat()),
  ...[
    ' __schema',
    ' __type(name: "Query")',
    ' __typename',
    ' fragment',
    ' on',
    ' ...',
    ' ...F',
    ' {',
    ' }',
    ' (',
    ' )',
    ' [',
  ],
  ...[
    ' ]',
    ' !',
    ' @include(if: $a)',
    ' @skip(if: false)',
    ' @',
    ' $',
    ' null',
    ' 9007199254740993',
    ' 1e999',
    ' -0',
    ' ""',
  ],
  ...[
    ' "\\ud800"',
    ' """',
    ' __proto__',
    ' constructor',
    ' toString:',
    ' subscription',
    ' mutation',
    ' query',
    ' #',
    ' \u0000',
  ],
  ...[
    ' &',
    ' |',
    ' 1.',
    ' "\\u{110000}"',
    ' extend',
    ' schema',
    ' type',
    ' true',
    ' first: -1',
    ' last: 2147483648',
    ' id: ""',
  ],
]

/** Delete, repeat, replace, move, insert letters, or take a part of another document. */
const edit = fc.record({
  kind: fc.nat({ max: 6 }),
  at: fc.nat({ max: 300 }),
  count: fc.nat({ max: 12 }),
  word: fc.nat({ max: dictionary.length - 1 }),
  letters: fc.string({ unit: 'binary', maxLength: 3 }),
})
type Edit = typeof edit extends fc.Arbitrary<infer Value> ? Value : never

function apply(tokens: readonly string[], { kind, at: place, count, word, letters }: Edit): string[] {
  const at = place % (tokens.length + 1)
  const before = tokens.slice(0, at)
  const part = tokens.slice(at, at + count + 1)
  const after = tokens.slice(at + count + 1)
  const other = pieces[word % pieces.length] ?? []
  switch (kind) {
    case 0:
      return [...before, ...after]
    case 1:
      return [
        ...before,
        ...Array(count + 2)
          .fill(part)
          .flat(),
        ...after,
      ]
    case 2:
      return [...before, dictionary[word] ?? '', ...tokens.slice(at + 1)]
    case 3:
      return [...after, ...part, ...before]
    case 4:
      return [...before, letters, ...part, ...after]
    case 5:
      return [...before, dictionary[word] ?? '', ...part, ...after]
    default:
      return [...before, ...other.slice(at % (other.length + 1)), ...after]
  }
}

const variables = fc.option(
  fc.dictionary(
    fc.constantFrom('id', 'input', 'integration', 'endUserId', 'path', 'first', '__proto__', 'a'),
    fc.oneof(
      fc.jsonValue({ maxDepth: 2 }),
      fc.constantFrom(-1, 2 ** 31, '', 'sandbox', 'demo', 'conn_1', { __proto__: null }),
    ),
    { maxKeys: 4 },
  ),
  { nil: undefined, freq: 2 },
)

const operation = fc.record({
  source: fc.nat({ max: sources.length - 1 }),
  edits: fc.array(edit, { minLength: 1, maxLength: 3 }),
  variables,
})

function write({ source, edits }: { source: number; edits: readonly Edit[] }): string {
  return edits.reduce<readonly string[]>(apply, pieces[source] ?? []).join('')
}

function codesOf(answer: ExecutionResult): unknown[] {
  return (answer.errors ?? []).map(error => error.extensions?.code)
}

test('100,000 mutations of the example operations, without a key', { timeout: 240_000 }, async () => {
  const failures: unknown[] = []
  const events = {
    ...createEvents(createLogger({ level: 'silent' })),
    requestFailed: (_id: string, error: unknown) => void failures.push(error),
  }
  await using gateway = await createGateway()
  const { services } = gateway.app
  const {
    openPipeline,
    answers: { finish },
  } = createPipeline({ services, events, corsOrigins: [], readAddress: () => undefined })
  const request = new IncomingMessage(new Socket())
  const response = new ServerResponse(request)
  response.setMaxListeners(0)

  async function answer(text: string, variableValues: object | undefined): Promise<ExecutionResult> {
    const context = new PostContext(request, response, 'r')
    const { schema, parse, validate, contextFactory, execute } = openPipeline(context)
    try {
      const document = parse(text)
      const errors = validate(schema, document) as NonNullable<ExecutionResult['errors']>
      if (errors.length > 0) return finish({ errors }, context)
      const operations = document.definitions.filter(node => node.kind === 'OperationDefinition')
      // What lasts is not executed but subscribed to.
      if (operations.length !== 1 || operations[0]?.operation === 'subscription') return {}
      const contextValue = await contextFactory()
      return finish(await execute({ schema, document, contextValue, variableValues }), context)
    } catch (error) {
      return finish({ errors: [error as NonNullable<ExecutionResult['errors']>[number]] }, context)
    }
  }

  const seen = new Map<unknown, number>()
  const property = fc.asyncProperty(operation, async sample => {
    const result = await answer(write(sample), sample.variables)
    const codes = codesOf(result)
    for (const code of codes.length === 0 ? ['none'] : new Set(codes)) seen.set(code, (seen.get(code) ?? 0) + 1)
    expect(codes).not.toContain('INTERNAL')
    expect(codes).not.toContain(undefined)
  })
  await fc.assert(property, { numRuns: 100_000, seed: 20_261_121 })
  process.stdout.write(`fuzzed: ${JSON.stringify(Object.fromEntries(seen))}\n`)
  expect(failures).toEqual([])
  // Neither is everything refused at its first letter, nor does nothing come to be executed.
  expect(seen.get('INVALID_INPUT')).toBeGreaterThan(10_000)
  expect(seen.get('UNAUTHENTICATED')).toBeGreaterThan(1000)
})

test('1,500 of them with the admin key, over HTTP and with what is stored', { timeout: 240_000 }, async () => {
  await using gateway = await createGateway()
  const seen = new Set<unknown>()
  const property = fc.asyncProperty(operation, async sample => {
    const { status, errors, data } = await gateway.run(write(sample), sample.variables)
    const codes = (errors ?? []).map(error => error.extensions.code)
    for (const code of codes) seen.add(code)
    expect(codes).not.toContain('INTERNAL')
    expect(status).toBeLessThan(500)
    expect(data !== undefined || codes.length > 0).toBe(true)
  })
  await fc.assert(property, { numRuns: 1500, seed: 20_261_121 })
  expect(seen).toContain('CONNECTION_NOT_FOUND')
  expect(gateway.log()).not.toContain('"level":50')
})

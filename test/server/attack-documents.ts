/** Requests that somebody sends to keep a GraphQL server busy, fill its memory or change its objects; each one is made anew by number. */

export interface Attack {
  readonly name: string
  /** The body of a JSON POST; another one for each number, so that no cache has seen it. */
  readonly body: (n: number) => string
  readonly code: 'BUDGET_EXCEEDED' | 'INVALID_INPUT'
}

const many = (count: number, text: (index: number) => string) =>
  Array.from({ length: count }, (_, i) => text(i)).join(' ')

function document(name: string, code: Attack['code'], query: (n: number) => string): Attack {
  return { name, code, body: n => JSON.stringify({ query: query(n) }) }
}

const aboutVariables = 'query($v: JSON) { explain(path: "/", body: $v) { url } }'

function variables(name: string, code: Attack['code'], text: (n: number) => string, query = aboutVariables): Attack {
  return { name, code, body: n => `{"query":${JSON.stringify(`${query} #${n}`)},"variables":{"v":${text(n)}}}` }
}

/** Names near to real ones: what a suggestion costs is somebody's to ask for. */
const nearNames = (count: number, n: number) => many(count, i => `connectionz${i}_${n}`)

export const attacks: readonly Attack[] = [
  document('fields nested 30,000 deep', 'BUDGET_EXCEEDED', n => `#${n}\n${'{a'.repeat(30_000)}`),
  document('lists nested 30,000 deep', 'BUDGET_EXCEEDED', n => `{ a${n}: node(id: ${'['.repeat(30_000)}`),
  document('objects nested 3,000 deep', 'BUDGET_EXCEEDED', n => `{ a${n}: node(id: ${'{a:'.repeat(3000)}`),
  document('types nested 5,000 deep', 'BUDGET_EXCEEDED', n => `query($a${n}: ${'['.repeat(5000)}`),
  document('5,000 aliases', 'BUDGET_EXCEEDED', n => `{ ${many(5000, i => `a${i}_${n}: __typename`)} }`),
  document('3,000 aliases', 'BUDGET_EXCEEDED', n => `{ ${many(3000, i => `a${i}_${n}: __typename`)} }`),
  document('2,000 directives', 'BUDGET_EXCEEDED', n => `{ a${n}: __typename ${'@aa '.repeat(2000)} }`),
  document(
    'a directive on each of 2,000 fields',
    'BUDGET_EXCEEDED',
    n => `{ ${many(20, i => `... on Query { ${many(100, j => `a${i}_${j}_${n}: __typename @a`)} }`)} }`,
  ),
  document('9,000 times one field', 'BUDGET_EXCEEDED', n => `{ a${n}: __typename ${'__typename '.repeat(9000)} }`),
  document('a fragment inside itself', 'INVALID_INPUT', n => `{ ...F${n} } fragment F${n} on Query { ...F${n} }`),
  document(
    'a circle of 99 fragments',
    'INVALID_INPUT',
    n => `{ ...f0_${n} } ${many(99, i => `fragment f${i}_${n} on Query { __typename ...f${(i + 1) % 99}_${n} }`)}`,
  ),
  document(
    'fragments that double 40 times',
    'BUDGET_EXCEEDED',
    n =>
      `{ ...f0 } ${many(40, i => `fragment f${i} on Query { a${n}: __typename ...f${i + 1} ...f${i + 1} }`)} fragment f40 on Query { __typename }`,
  ),
  document(
    '5,000 fragments',
    'BUDGET_EXCEEDED',
    n => `{ a${n}: __typename } ${many(2000, i => `fragment f${i} on Query { a }`)}`,
  ),
  document('1,500 operations', 'BUDGET_EXCEEDED', n => many(1500, i => `query q${i}_${n} { __typename }`)),
  document(
    'fields that would have to be merged',
    'INVALID_INPUT',
    n =>
      `{ ${many(90, i => `...f${i}`)} } ${many(90, i => `fragment f${i} on Query { ${many(9, j => `x${j}: nothing${i}_${n} { a b }`)} }`)}`,
  ),
  document('5 MB of a comment', 'BUDGET_EXCEEDED', n => `{ __typename } #${n}${'x'.repeat(5_000_000)}`),
  document('5 MB of a text', 'BUDGET_EXCEEDED', n => `{ node(id: "${n}${'x'.repeat(5_000_000)}") { id } }`),
  document('3,000 wrong fields', 'INVALID_INPUT', n => `{ ${nearNames(3000, n)} }`),
  document('a name of 90,000 letters', 'INVALID_INPUT', n => `{ c${n}${'onnections'.repeat(9000)} }`),
  document('2,000 variables', 'INVALID_INPUT', n => `query(${many(1900, i => `$v${i}_${n}: ID`)}) { __typename }`),
  document(
    'introspection in circles',
    'INVALID_INPUT',
    n =>
      `{ a${n}: __schema { types { fields { type { fields { type { fields { type { fields { type { name } } } } } } } } } } }`,
  ),
  document('a byte order mark, controls and half a text', 'INVALID_INPUT', n => `\ufeff{ a${n}\u0000 "`),
  {
    name: 'a batch of 1,000',
    code: 'INVALID_INPUT',
    body: n => `[${Array(1000).fill(`{"query":"{ a${n}: __typename }"}`).join()}]`,
  },
  document(
    'pages of actions below pages of connections, 90 times',
    'BUDGET_EXCEEDED',
    n =>
      `{ connections(first: 100) { nodes { integration { ${many(90, i => `a${i}_${n}: actions(first: 100) { nodes { name } }`)} } } } }`,
  ),
  document(
    'the schemas and examples of a thousand actions of each of 100 connections',
    'BUDGET_EXCEEDED',
    n =>
      `{ connections(first: 100) { nodes { integration { ${many(10, i => `a${i}_${n}: actions(first: 100) { nodes { name inputSchema example { graphql curl } } }`)} } } } }`,
  ),
  document(
    'all integrations with all their actions, ten times',
    'BUDGET_EXCEEDED',
    n =>
      `{ ${many(10, i => `a${i}_${n}: integrations(first: 100) { nodes { slug actions(first: 100) { nodes { name } } } }`)} }`,
  ),
  document(
    'the whole schema, a hundred times',
    'BUDGET_EXCEEDED',
    n =>
      `{ ${many(100, i => `a${i}_${n}: __schema { types { name description fields { name description args { name } } } }`)} }`,
  ),
  document(
    'a hundred names for each value of a page',
    'BUDGET_EXCEEDED',
    n =>
      `{ integrations(first: 100) { edges { node { ${many(12, j => `... on Integration { ${many(90, i => `a${i}_${j}_${n}: description`)} }`)} } } } }`,
  ),
  document(
    'a thousand things by their names',
    'BUDGET_EXCEEDED',
    n =>
      `{ connections(first: 100) { nodes { integration { ${many(50, i => `a${i}_${n}: action(name: "n${i}") { name }`)} } } } }`,
  ),
  variables('variables nested 100,000 deep', 'BUDGET_EXCEEDED', () => `${'['.repeat(100_000)}${']'.repeat(100_000)}`),
  variables(
    'variables nested 100,000 deep with many digits',
    'INVALID_INPUT',
    () => `${'['.repeat(100_000)}9007199254740993${']'.repeat(100_000)}`,
  ),
  variables(
    '20 MB of a variable of the wrong type',
    'INVALID_INPUT',
    () => `"${'x'.repeat(20_000_000)}"`,
    'query($v: Int) { connections(first: $v) { nodes { id } } }',
  ),
  variables(
    '300,000 wrong values in a variable',
    'INVALID_INPUT',
    () => `[${'{},'.repeat(300_000)}{}]`,
    'query($v: [ID!]) { connections { nodes { a: id @include(if: $v) } } }',
  ),
  variables(
    'an own __proto__ as an input',
    'INVALID_INPUT',
    () => '{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}',
    'query($v: ConnectionFilter) { connections(filter: $v) { nodes { id } } }',
  ),
]

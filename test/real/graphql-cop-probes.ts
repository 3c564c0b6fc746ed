/**
 * The twelve questions of graphql-cop (https://github.com/dolevf/graphql-cop, MIT), asked in our own words: what it sends, and
 * which answer counts as a finding.
 */

export interface Answer {
  readonly text: string
  /** Undefined for what is no JSON. */
  // biome-ignore lint/suspicious/noExplicitAny: a probe reads answers of any shape.
  readonly json: any
}

export interface Probe {
  readonly name: string
  readonly send: (url: string) => Promise<Answer>
  readonly finds: (answer: Answer) => boolean
}

function posting(query: string): Probe['send'] {
  return url => ask(url, { method: 'POST', ...asJson({ query, operationName: 'cop' }) })
}

function getting(query: string): Probe['send'] {
  return url => ask(`${url}?query=${encodeURIComponent(query)}`, {})
}

const typename = ({ json }: Answer) => Boolean(json?.data?.__typename)

export const probes: readonly Probe[] = [
  {
    name: 'field suggestions',
    send: posting('query cop { __schema { directive } }'),
    finds: ({ json }) => String(json?.errors?.[0]?.message).includes('Did you mean'),
  },
  {
    name: 'introspection',
    send: posting('query cop { __schema { types { name fields { name } } } }'),
    finds: ({ json }) => json?.data?.__schema?.types?.length > 0,
  },
  {
    name: 'a GraphQL IDE',
    send: url => ask(url, { headers: { accept: 'text/html' } }),
    finds: ({ text }) =>
      ['graphiql.min.css', 'GraphQL Playground', 'GraphiQL', 'graphql-playground'].some(word => text.includes(word)),
  },
  { name: 'queries by GET', send: getting('query cop { __typename }'), finds: typename },
  {
    name: 'alias overloading',
    send: posting(`query cop { ${Array.from({ length: 101 }, (_, index) => `alias${index}: __typename`).join('\n')} }`),
    finds: ({ json }) => Boolean(json?.data?.alias100),
  },
  {
    name: 'batches',
    send: url => ask(url, { method: 'POST', ...asJson(Array(10).fill({ query: 'query cop { __typename }' })) }),
    finds: ({ json }) => json?.length >= 10,
  },
  {
    name: 'tracing',
    send: posting('query cop { __typename }'),
    finds: ({ json, text }) =>
      Boolean(json?.errors?.[0]?.extensions?.tracing) || /"extensions":\s*\{"tracing":/i.test(text),
  },
  {
    name: 'directive overloading',
    send: posting(`query cop { __typename ${'@aa'.repeat(10)} }`),
    finds: ({ json }) => json?.errors?.length === 10,
  },
  {
    name: 'introspection in circles',
    send: posting(
      'query cop { __schema { types { fields { type { fields { type { fields { type { fields { type { name } } } } } } } } } } }',
    ),
    finds: ({ json }) => json?.data?.__schema?.types?.length > 25,
  },
  { name: 'mutations by GET', send: getting('mutation cop { __typename }'), finds: typename },
  {
    name: 'queries as forms',
    send: url => ask(url, { method: 'POST', body: new URLSearchParams({ query: 'query cop { __typename }' }) }),
    finds: typename,
  },
  {
    name: 'unhandled errors',
    send: posting('qwerty cop { abc }'),
    finds: ({ json, text }) =>
      Boolean(json?.errors?.[0]?.extensions?.exception) || /"extensions":\s*\{"exception":/i.test(text),
  },
]

function asJson(body: unknown): Pick<RequestInit, 'headers' | 'body'> {
  return { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }
}

async function ask(url: string, init: RequestInit): Promise<Answer> {
  const response = await fetch(url, init)
  const text = await response.text()
  return { text, json: parseJson(text) }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Typed frontends: what @graphql-codegen and gql.tada make of the printed schema compiles, and finds a frontend's mistakes. */
import { expect, test } from 'vitest'
import { createTypedClient, type TypedClient } from '../support/typed-client.ts'

const scalars = {
  JSON: 'unknown',
  JSONObject: '{ [name: string]: unknown }',
  DateTime: 'string',
}

/** A frontend of test/typed and the mistakes in it, by line: each has to be found, and nothing else. */
async function expectMistakes(client: TypedClient): Promise<void> {
  expect(await client.check(['accounts.ts'])).toEqual([])
  const found = await client.check(['accounts.ts', 'mistakes.ts'])
  expect(found).toEqual([
    expect.stringMatching(/^mistakes\.ts\(5\): .*\bpath\b/),
    expect.stringMatching(/^mistakes\.ts\(6\): .*BROKEN/),
    expect.stringMatching(/^mistakes\.ts\(7\): .*null/),
    expect.stringMatching(/^mistakes\.ts\(8\): .*totalCount/),
  ])
}

test('@graphql-codegen with its client preset', { timeout: 120_000 }, async () => {
  const config = {
    schema: './schema.graphql',
    documents: ['accounts.ts'],
    generates: {
      './gql/': {
        preset: 'client',
        config: { scalars, strictScalars: true, useTypeImports: true, enumsAsTypes: true },
      },
    },
  }
  await using client = await createTypedClient('codegen', { files: { 'codegen.json': config } })
  await client.generate('@graphql-codegen/cli/esm/bin.js', ['--config', 'codegen.json'])
  await expectMistakes(client)
})

test('gql.tada', { timeout: 120_000 }, async () => {
  const plugin = { name: 'gql.tada/ts-plugin', schema: './schema.graphql', tadaOutputLocation: './graphql-env.d.ts' }
  await using client = await createTypedClient('tada', { compilerOptions: { plugins: [plugin] } })
  await client.generate('gql.tada/bin/cli.js', ['generate-output'])
  await expectMistakes(client)
})

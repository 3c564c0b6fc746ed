/** Which documents a workspace can register, what a second time does, and which text passes for a registered one. */
import { expect, test } from 'vitest'
import {
  hashDocument,
  type NewOperation,
  RegisteredOperations,
  readHash,
} from '../../src/access/registered-operations.ts'
import { newId } from '../../src/store/ids.ts'
import { createRegisteredOperationStore } from '../../src/store/registered-operations.ts'
import { registeredOperations } from '../../src/store/tables.ts'
import { createWorkspace, refusal, refusalOf, useDatabase } from '../store/fixtures.ts'

const database = useDatabase('postgres')
const query = '{ viewer { name } }'
const noFaults = () => []

async function open() {
  const store = createRegisteredOperationStore(database.db)
  const operations = new RegisteredOperations(store)
  const workspaceId = await createWorkspace(database.db)
  const register = async (...wanted: NewOperation[]) =>
    (await operations.register(workspaceId, wanted, noFaults)).operations
  const names = async () => (await operations.list(workspaceId, {})).edges.map(({ node }) => node.name)
  return { operations, workspaceId, register, names }
}

test('a second registration of the same is the first one', async () => {
  const { register, names } = await open()
  const [first] = await register({ name: 'A', document: query })
  expect(first?.hash).toBe(hashDocument(query))
  expect(await register({ name: 'A', document: query }, { name: 'B', document: `${query} ` })).toEqual([
    first,
    expect.objectContaining({ name: 'B' }),
  ])
  expect(await names()).toEqual(['B', 'A'])
})

test('only what was not there before counts as created', async () => {
  const { operations, workspaceId } = await open()
  const register = (...wanted: NewOperation[]) => operations.register(workspaceId, wanted, noFaults)
  const [a, b] = [
    { name: 'A', document: '{ a }' },
    { name: 'B', document: '{ b }' },
  ] as const
  expect((await register(a)).created.map(({ name }) => name)).toEqual(['A'])
  expect((await register(b, a, b)).created.map(({ name }) => name)).toEqual(['B'])
  expect((await register(a, b)).created).toEqual([])
})

test('the order of the answer is that of the question, and the same one twice is one', async () => {
  const { register, names } = await open()
  const twice = { name: 'A', document: query }
  const rows = await register(twice, { name: 'B', document: '{ b }' }, twice)
  expect(rows.map(({ name }) => name)).toEqual(['A', 'B', 'A'])
  expect((await names()).sort()).toEqual(['A', 'B'])
})

test.each([
  [
    'a name that has another text',
    [{ name: 'A', document: '{ other }' }],
    'name',
    'operations[0].name is the name of another document; delete that one first, or use a name of its own.',
  ],
  [
    'a text that has another name',
    [{ name: 'Other', document: query }],
    'document',
    'operations[0].document is registered as "A" already.',
  ],
])('%s is refused, and all that comes with it', async (_, wanted, part, message) => {
  const { register, names } = await open()
  await register({ name: 'A', document: query })
  const refused = register(...wanted, { name: 'New', document: '{ new }' })
  expect(await refusalOf(refused)).toEqual(refusal(`operations[0].${part}`, message))
  expect(await names()).toEqual(['A'])
})

test('two of one batch clash like one with what is there', async () => {
  const { register, names } = await open()
  const name = await refusalOf(register({ name: 'A', document: '{ a }' }, { name: 'A', document: '{ b }' }))
  expect(name.details?.map(({ field }) => field)).toEqual(['operations[0].name', 'operations[1].name'])
  const text = await refusalOf(register({ name: 'A', document: '{ a }' }, { name: 'B', document: '{ a }' }))
  expect(text.details?.map(({ field }) => field)).toEqual(['operations[0].document'])
  expect(await names()).toEqual([])
})

test('each that is wrong is named, and nothing is registered', async () => {
  const { operations, workspaceId, names } = await open()
  const wanted = [
    { name: '', document: query },
    { name: 'Fine', document: query },
    { name: ' B', document: 'x'.repeat(100_001) },
    { name: 'C', document: 'wrong' },
  ]
  const check = (document: string) => (document === 'wrong' ? ['It is odd.', 'And long.'] : [])
  const { details } = await refusalOf(operations.register(workspaceId, wanted, check))
  expect(details?.map(({ message }) => message)).toEqual([
    'operations[0].name takes 1 to 200 characters without space around them; got 0.',
    'operations[2].name takes 1 to 200 characters without space around them; got 2.',
    'operations[2].document takes at most 100000 characters; got 100001.',
    'operations[3].document is wrong: It is odd.',
    'operations[3].document is wrong: And long.',
  ])
  expect(await names()).toEqual([])
})

test.each([0, 501])('%i at once are refused', async count => {
  const { register } = await open()
  const wanted = Array.from({ length: count }, (_, index) => ({ name: `O${index}`, document: `{ o${index} }` }))
  const message = `operations takes 1 to 500 of them; got ${count}.`
  expect(await refusalOf(register(...wanted))).toEqual(refusal('operations', message))
})

test('a workspace has 5,000 at most', async () => {
  const { register, workspaceId } = await open()
  const rows = Array.from({ length: 4999 }, (_, index) => {
    return {
      workspaceId,
      id: newId('op'),
      name: `O${index}`,
      hash: hashDocument(String(index)),
      document: String(index),
    }
  })
  await database.db.insert(registeredOperations).values(rows)
  const [last, over] = ['{ last }', '{ over }'].map(document => ({ name: document, document }))
  if (last === undefined || over === undefined) throw new TypeError('two were made')
  const message = 'A workspace has at most 5000 registered operations; it has 4999.'
  expect(await refusalOf(register(last, over))).toEqual(refusal('operations', message))
  expect(await register(last)).toHaveLength(1)
  expect(await register(last)).toHaveLength(1)
})

test('what is deleted, by id or hash, is found no more at once', async () => {
  const { operations, workspaceId, register } = await open()
  const [a, b] = await register({ name: 'A', document: '{ a }' }, { name: 'B', document: '{ b }' })
  if (a === undefined || b === undefined) throw new TypeError('two were registered')
  for (const { document } of [a, b]) await operations.require(workspaceId, document)
  expect(await operations.delete(workspaceId, a.id)).toBe(a.id)
  expect(await operations.delete(workspaceId, `sha256:${b.hash.toUpperCase()}`)).toBe(b.id)
  for (const { document, hash } of [a, b]) {
    expect(await operations.find(workspaceId, hash)).toBeUndefined()
    expect((await refusalOf(operations.require(workspaceId, document))).code).toBe('FORBIDDEN')
  }
  expect((await refusalOf(operations.delete(workspaceId, a.id))).details).toEqual([
    { field: 'id', message: 'id names no registered operation of the workspace.' },
  ])
})

test('nothing passes for a registered text but itself, in its own workspace', async () => {
  const { operations, workspaceId, register } = await open()
  // The hash of half a surrogate pair is that of this character.
  const document = '{ a(b: "\ufffd") }'
  await register({ name: 'A', document })
  await operations.require(workspaceId, document)
  expect(hashDocument('{ a(b: "\ud800") }')).toBe(hashDocument(document))
  for (const other of ['{ a(b: "\ud800") }', `${document} `, `\ufeff${document}`, '']) {
    expect(await refusalOf(operations.require(workspaceId, other))).toMatchObject({
      code: 'FORBIDDEN',
      message: 'This access key runs registered operations only, and this is none of them.',
    })
  }
  const elsewhere = await createWorkspace(database.db)
  expect((await refusalOf(operations.require(elsewhere, document))).code).toBe('FORBIDDEN')
})

test.each([
  ['a'.repeat(64), 'a'.repeat(64)],
  [`sha256:${'A'.repeat(64)}`, 'a'.repeat(64)],
  [`sha512:${'a'.repeat(64)}`, undefined],
  ['a'.repeat(63), undefined],
  ['a'.repeat(65), undefined],
  [`${'a'.repeat(64)}\n`, undefined],
  ['', undefined],
])('%j is the hash %s', (text, hash) => {
  expect(readHash(text)).toBe(hash)
})

/** Stripe's own document as actions: forms with deep objects and lists, as Prism reads them by the same document. */
import { mkdtempDisposable, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { checkInput } from '../../src/actions/validate.ts'
import { directoryFile } from '../support/prism.ts'
import { createPublishedVendor, type PublishedVendor } from './actions-published.ts'

let stripe: PublishedVendor
beforeAll(async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'stripe-'))
  const play = join(folder.path, 'stripe.json')
  await writeFile(play, withoutAnswers(await readFile(directoryFile('stripe.com'), 'utf8')))
  stripe = await createPublishedVendor('stripe.com', {
    serverUrl: 'https://api.stripe.com/',
    arrayFormat: 'indices',
    play,
  })
}, 120_000)
afterAll(() => stripe?.[Symbol.asyncDispose]())

/** Its answers expand into each other without end, which Prism does not survive; the requests stay as they are. */
function withoutAnswers(text: string): string {
  const responses = { 200: { description: 'OK' } }
  const { components: _, ...document } = JSON.parse(text)
  return JSON.stringify(document, (name, value) => (name === 'responses' ? responses : value))
}

test('every operation is an action, but the one at another host, and has an example that its schema takes', () => {
  expect(stripe.report).toMatchObject({ taken: stripe.operations - 1, skippedTotal: 1, warnings: [] })
  const wrong = stripe.actions.filter(
    ({ inputSchema, example }) => example === null || checkInput(inputSchema, example.input, 1000).length > 0,
  )
  expect(wrong.map(({ name }) => name)).toEqual([])
})

describe('Prism takes', () => {
  test.each<[string, string, object, string]>([
    [
      'plain fields',
      'PostCustomers',
      { email: 'a+b@c.example', name: 'Ada & Co' },
      "'email=a%2Bb%40c.example&name=Ada+%26+Co'",
    ],
    [
      'a deep object',
      'PostCustomers',
      { metadata: { order: '7', 'a b': 'ü' } },
      "'metadata%5Border%5D=7&metadata%5Ba+b%5D=%C3%BC'",
    ],
    ['a list', 'PostCustomers', { expand: ['sources', 'tax'] }, "'expand%5B0%5D=sources&expand%5B1%5D=tax'"],
    ['a deep query', 'GetCustomers', { created: { gte: 1, lt: 2 }, limit: 3 }, 'created%5Bgte%5D=1&created%5Blt%5D=2'],
    ['a path', 'GetCustomersCustomer', { customer: 'cus_/1' }, '/v1/customers/cus_%2F1'],
    ['a deletion', 'DeleteCustomersCustomer', { customer: 'cus_1' }, '/v1/customers/cus_1'],
  ])('%s', async (_what, action, input, written) => {
    const { complaints, curl } = await stripe.execute(action, input)
    expect(curl).toContain(written)
    expect([curl, complaints]).toEqual([curl, []])
  })

  test('nested lists and objects', async () => {
    const lines = [{ price_data: { currency: 'eur', product_data: { name: 'Tea' }, unit_amount: 250 }, quantity: 2 }]
    const input = { mode: 'payment', success_url: 'https://a.example', line_items: lines }
    const { complaints, curl } = await stripe.execute('PostCheckoutSessions', input)
    expect(decodeURIComponent(curl)).toContain(
      'line_items[0][price_data][product_data][name]=Tea&line_items[0][price_data][unit_amount]=250&line_items[0][quantity]=2',
    )
    expect([curl, complaints]).toEqual([curl, []])
  })

  test('the examples of every eighth action', async () => {
    const sampled = stripe.actions.filter((_, index) => index % 8 === 0)
    expect(sampled.length).toBeGreaterThan(50)
    for (const { name, example } of sampled) {
      const input = example?.input ?? {}
      const { complaints, curl } = await stripe.execute(name, input)
      // Prism reads a deep object that is not there as an empty one.
      const own = complaints.filter(message => {
        const [, property = ''] = /^Request body property (\w+)[\w.]* must have required property/.exec(message) ?? []
        return property === '' || Object.hasOwn(input, property)
      })
      expect([curl, own]).toEqual([curl, []])
    }
  }, 120_000)
})

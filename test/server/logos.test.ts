/** Logos over HTTP: drawings of the catalog and nothing else, which browsers keep, embed anywhere and run nothing of. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createGateway, type TestGateway } from '../support/gateway.ts'
import { acme, createPages, page } from './connect-fake-flow.ts'

let gateway: TestGateway
beforeAll(async () => {
  gateway = await createGateway()
})
afterAll(() => gateway[Symbol.asyncDispose]())

const get = (path: string, init: RequestInit = {}) => fetch(new URL(path, gateway.url), { redirect: 'manual', ...init })

test('a logo comes with headers that let it be shown and do nothing else', async () => {
  const response = await get('logos/stripe.svg')
  expect(response.status).toBe(200)
  expect(Object.fromEntries(response.headers)).toMatchObject({
    'content-type': 'image/svg+xml; charset=utf-8',
    'cache-control': 'public, max-age=86400',
    'content-security-policy': "default-src 'none'",
    'x-content-type-options': 'nosniff',
    'access-control-allow-origin': '*',
    'cross-origin-resource-policy': 'cross-origin',
    etag: expect.stringMatching(/^"[\w-]{22}"$/),
  })
  expect(response.headers.has('set-cookie')).toBe(false)
  expect(await response.text()).toMatch(/^<svg fill="#635BFF" .*<title>Stripe<\/title>/)
})

test('a logo that a browser has is not sent again', async () => {
  const etag = (await get('logos/stripe.svg')).headers.get('etag') ?? ''
  for (const tags of [etag, `W/${etag}`, `"other", ${etag}`, '*']) {
    const response = await get('logos/stripe.svg', { headers: { 'if-none-match': tags } })
    expect([response.status, await response.text(), response.headers.get('etag')]).toEqual([304, '', etag])
  }
  const other = (await get('logos/github.svg')).headers.get('etag') ?? ''
  expect(other).not.toBe(etag)
  expect((await get('logos/stripe.svg', { headers: { 'if-none-match': other } })).status).toBe(200)
})

test('HEAD tells of a logo without sending it', async () => {
  const response = await get('logos/stripe.svg', { method: 'HEAD' })
  expect([response.status, await response.text()]).toEqual([200, ''])
  expect(response.headers.get('content-type')).toBe('image/svg+xml; charset=utf-8')
})

test.each([
  'logos/',
  'logos/stripe',
  'logos/stripe.png',
  'logos/Stripe.svg',
  'logos/bitcoin.svg',
  'logos/constructor.svg',
  'logos/..%2Fpackage.json',
  'logos/..%2f..%2fpackage.svg',
  'logos/stripe.svg/x',
  `logos/${'a'.repeat(2000)}.svg`,
])('/%s is not there', async path => {
  const response = await get(path)
  expect(response.status).toBe(404)
  expect(await response.text()).not.toContain('<svg')
})

test('nothing is written there', async () => {
  expect((await get('logos/stripe.svg', { method: 'POST', body: 'x' })).status).toBe(405)
})

describe('the connect pages', () => {
  const marked = { ...acme, logoPath: 'logos/acme.svg' }

  async function show(choices: (typeof acme)[]) {
    await using pages = createPages({ view: { choices } })
    const { body, headers } = await pages.get(page)
    return { html: body, policy: headers['content-security-policy'] }
  }

  test('show the mark of a service beside its name, and let pictures of their own address in', async () => {
    for (const choices of [[marked], [acme, marked]]) {
      const { html, policy } = await show(choices)
      expect(
        html.match(/<img class="mark" src="\.\.\/logos\/acme\.svg" alt="" width="\d+" height="\d+">/g),
      ).toHaveLength(1)
      expect(policy).toContain("; img-src 'self' https://cdn.brightwater.example:8443;")
    }
  })

  test('let none in when there is none', async () => {
    for (const choices of [[acme], [acme, { ...acme, slug: 'other' }]]) {
      const { html, policy } = await show(choices)
      expect(html).not.toContain('class="mark"')
      expect(policy).toContain('; img-src https://cdn.brightwater.example:8443;')
    }
  })
})

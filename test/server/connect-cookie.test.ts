/** Whose form it is: the cookie that knows a browser, the token that binds a form to it, and how much one may hold. */
import { describe, expect, test } from 'vitest'
import { acmeView, cookieOf, createPages, csrfOf, page } from './connect-fake-flow.ts'

describe('the cookie', () => {
  test('is bound to the host where the gateway is reached by https', async () => {
    await using pages = createPages()
    expect((await pages.get(page)).headers['set-cookie']).toMatch(
      /^__Host-passgate-connect=[\w-]{43}; Path=\/; Max-Age=3600; HttpOnly; SameSite=Lax; Secure$/,
    )
  })

  test('has a plain name where it is not', async () => {
    await using pages = createPages({}, 'http://127.0.0.1:4000/')
    expect((await pages.get(page)).headers['set-cookie']).toMatch(
      /^passgate-connect=[\w-]{43}; Path=\/; Max-Age=3600; HttpOnly; SameSite=Lax$/,
    )
  })

  test('is another one for each browser, stays the same in one, and comes from here', async () => {
    await using pages = createPages()
    const first = cookieOf(await pages.get(page))
    expect(cookieOf(await pages.get(page))).not.toBe(first)
    expect(cookieOf(await pages.get(page, { cookie: `a=b; ${first}; c=d` }))).toBe(first)
    for (const cookie of ['__Host-passgate-connect=short', first.replace('__Host-', ''), `x${first}`]) {
      expect(cookieOf(await pages.get(page, { cookie }))).not.toBe(cookie)
    }
  })

  test('is not given to who asks for no page', async () => {
    await using pages = createPages()
    const answers = [
      await pages.get('/connect/other'),
      await pages.get('/oauth/callback'),
      await pages.post({ csrf: '' }),
    ]
    expect(answers.map(({ headers }) => headers['set-cookie'])).toEqual([undefined, undefined, undefined])
  })

  test('tells the flow which browser sends a form and which comes back', async () => {
    await using pages = createPages()
    const cookie = cookieOf(await pages.get(page))
    const csrf = csrfOf((await pages.get(page, { cookie })).body)
    await pages.post({ csrf, 'credential.key': 'k' }, { cookie })
    await pages.get('/oauth/callback?code=1', { cookie })
    const secret = cookie.split('=')[1]
    expect([pages.flow.submitted[0]?.browser, pages.flow.finished[0]?.browser]).toEqual([secret, secret])
  })
})

describe('a form is refused, and nothing of it shown or kept,', () => {
  const values = { 'config.region': 'planted', 'credential.key': 'planted' }
  const cases: [string, Record<string, string>, Record<string, string>][] = [
    ['without the token of its page', { csrf: '' }, {}],
    ['with a token that somebody made up', { csrf: 'A'.repeat(43) }, {}],
    ['without the cookie', {}, { cookie: '' }],
    ['with the cookie of another browser', {}, { cookie: `__Host-passgate-connect=${'A'.repeat(43)}` }],
    ['from another site', {}, { 'sec-fetch-site': 'cross-site' }],
    ['from a neighbour of the same site', {}, { 'sec-fetch-site': 'same-site' }],
    ['from another origin', {}, { origin: 'https://evil.example' }],
    ['from an origin that is no address', {}, { origin: 'gateway.example' }],
  ]
  test.each(cases)('%s', async (_name, form, headers) => {
    await using pages = createPages()
    const { status, body } = await pages.post({ ...values, ...form }, headers)
    expect(status).toBe(403)
    expect(pages.flow.submitted).toEqual([])
    expect(body).not.toContain('planted')
    expect(body).toContain('<a class="button" href="?">Open the page again</a>')
  })

  test('with the token of another link', async () => {
    await using pages = createPages({ open: () => acmeView })
    const other = await pages.get('/connect/another-link')
    const headers = { cookie: cookieOf(other) }
    expect((await pages.post({ ...values, csrf: csrfOf(other.body) }, headers)).status).toBe(403)
    expect(pages.flow.submitted).toEqual([])
  })

  test('but not when the browser says that it is our own', async () => {
    await using pages = createPages()
    const own: Record<string, string>[] = [
      { origin: 'null', 'sec-fetch-site': 'same-origin' },
      { origin: 'https://gateway.example' },
      { origin: 'http://inside.example:4000', host: 'inside.example:4000' },
      { 'sec-fetch-site': 'none' },
    ]
    for (const headers of own) expect((await pages.post(values, headers)).status).toBe(303)
  })
})

describe('what comes in is bounded', () => {
  test('a form has at most 64 KiB', async () => {
    await using pages = createPages()
    expect((await pages.post({ 'credential.key': 'k'.repeat(60_000) })).status).toBe(303)
    const { status, body } = await pages.post({ 'credential.key': 'k'.repeat(64 * 1024) })
    expect([status, body.includes('<h1>This is too large</h1>')]).toEqual([413, true])
    expect(pages.flow.submitted).toHaveLength(1)
  })

  test.each(['application/json', 'text/plain', 'multipart/form-data; boundary=x'])('%s is no form', async type => {
    await using pages = createPages()
    expect((await pages.post({}, { 'content-type': type })).status).toBe(415)
    expect([pages.flow.submitted, pages.failures]).toEqual([[], []])
  })
})

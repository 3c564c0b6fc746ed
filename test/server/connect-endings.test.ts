/** How a visit of the connect pages ends: where the vendor sends the browser back, and what is said of a link that leads nowhere. */
import { describe, expect, test } from 'vitest'
import { ConnectError, type ConnectErrorReason } from '../../src/connections/connect-view.ts'
import { GatewayError } from '../../src/errors.ts'
import { acmeView, createPages, doneStep, linkToken, page, theme } from './connect-fake-flow.ts'

describe('an ending', () => {
  const statuses: Record<ConnectErrorReason, number> = {
    unknown: 404,
    expired: 410,
    used: 410,
    withdrawn: 410,
    denied: 403,
    state: 400,
    account: 409,
    vendor: 400,
  }

  test.each(Object.entries(statuses))('%s is a page of its own, with ways on', async (reason, expected) => {
    const failure = new ConnectError(reason as ConnectErrorReason, 'internal-words', {
      theme,
      retryPath: page,
      returnTo: 'https://app.brightwater.example/?error=x&state=1',
    })
    const fail = () => {
      throw failure
    }
    await using pages = createPages({ open: fail, finish: fail })
    const opened = await pages.get(page)
    const returned = await pages.get('/oauth/callback?state=1')
    expect(returned.body).toBe(opened.body)
    expect([opened.status, returned.status]).toEqual([expected, expected])
    expect(opened.body).toContain(`<a class="button" href="../connect/${linkToken}">Try again</a>`)
    expect(opened.body).toContain(
      '<a href="https://app.brightwater.example/?error=x&amp;state=1">Back to Brightwater</a>',
    )
    expect(opened.body).not.toContain('internal-words')
    expect(pages.failures).toEqual([])
  })

  test('without ways on has none', async () => {
    await using pages = createPages()
    const { body } = await pages.get('/connect/other')
    expect(body).not.toContain('<a ')
    expect(body).not.toContain('<header>')
  })

  test('of a form is the same as of a link', async () => {
    await using pages = createPages({
      submit: () => {
        throw new ConnectError('used', 'used', { theme })
      },
    })
    const { status, body } = await pages.post({ 'credential.key': 'k' })
    expect([status, body.includes('This link was used already')]).toEqual([410, true])
  })

  test('nobody expected is a page with the number of the request, and an entry in the log', async () => {
    const failure = new Error('password=canary')
    const fail = () => {
      throw failure
    }
    await using pages = createPages({ open: fail, finish: fail })
    for (const path of [page, '/oauth/callback']) {
      const { status, body } = await pages.get(path)
      expect(status).toBe(500)
      expect(body).toContain('request-1')
      expect(body).not.toContain('canary')
    }
    expect(pages.failures).toEqual([failure, failure])
  })

  test('by a refusal of the gateway has its sentence and status', async () => {
    await using pages = createPages({
      open: () => {
        throw new GatewayError('OVERLOADED', 'The gateway has no capacity left.')
      },
    })
    const { status, body } = await pages.get(page)
    expect([status, body.includes('The gateway has no capacity left.')]).toEqual([503, true])
  })
})

describe('the way back from the vendor', () => {
  test('hands the flow what the vendor said, and leads to the caller', async () => {
    await using pages = createPages()
    const { status, headers } = await pages.get('/oauth/callback?code=a%20b&state=s&iss=https%3A%2F%2Fv.example&code=2')
    expect([status, headers.location]).toEqual([303, doneStep.returnTo])
    expect(pages.flow.finished).toEqual([
      { browser: undefined, params: 'code=a+b&state=s&iss=https%3A%2F%2Fv.example&code=2' },
    ])
  })

  test('ends on a page when nobody waits', async () => {
    await using pages = createPages({ finish: () => ({ ...doneStep, returnTo: null }) })
    const { status, body } = await pages.get('/oauth/callback?code=a&state=s')
    expect([status, body.includes('Acme CRM is connected')]).toEqual([200, true])
  })
})

describe('links that lead nowhere', () => {
  test('look alike, whatever is wrong with them', async () => {
    await using pages = createPages()
    const paths = [
      'other',
      `${linkToken}x`,
      'x'.repeat(5000),
      'x'.repeat(150),
      'a/b',
      '',
      '%F0%9F%94%91',
      '..%2f..%2fgraphql',
    ]
    const answers = await Promise.all(
      ['/connect', ...paths.map(path => `/connect/${path}`)].map(path => pages.get(path)),
    )
    expect(new Set(answers.map(({ status, body }) => `${status} ${body}`)).size).toBe(1)
    expect(answers[0]?.status).toBe(404)
  })

  test('are known by the flow alone, up to the length that a link can have', async () => {
    await using pages = createPages({ open: () => acmeView })
    const tokens = [`r-${'x'.repeat(600)}`, 'a.b~c_d-e']
    for (const token of tokens) expect((await pages.get(`/connect/${token}`)).status).toBe(200)
    expect(pages.flow.opened).toEqual(tokens)
    expect((await pages.get(`/connect/${'x'.repeat(1025)}`)).status).toBe(404)
    expect(pages.flow.opened).toEqual(tokens)
  })

  test('are asked for with HEAD like with GET', async () => {
    await using pages = createPages()
    for (const [url, status] of [
      [page, 200],
      ['/connect/other', 404],
    ] as const) {
      const answer = await pages.fastify.inject({ method: 'HEAD', url })
      expect([answer.statusCode, answer.body]).toEqual([status, ''])
      expect(answer.headers['content-security-policy']).toBeDefined()
    }
  })

  test('HEAD on the way back uses nothing up', async () => {
    await using pages = createPages()
    const answer = await pages.fastify.inject({ method: 'HEAD', url: '/oauth/callback?code=1&state=2' })
    expect([answer.statusCode, answer.body, pages.flow.finished]).toEqual([200, '', []])
  })
})

/** What the connect pages keep out: markup in what they show, addresses that are none of the web, and whatever their headers refuse. */
import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { ConnectError, type ConnectField, type ConnectView } from '../../src/connections/connect-view.ts'
import { invalidFields } from '../../src/errors.ts'
import { acme, acmeView, createPages, doneStep, page, simpleChoice, theme } from './connect-fake-flow.ts'

const attack = `"'><img src=x onerror=alert(1)></textarea></title></style><script>alert(2)</script>&lt;`

/** A view that has the attack in every text. */
function hostileView(): ConnectView {
  const field = (name: string, isMultiline: boolean): ConnectField => ({
    name: `${name}${attack}`,
    title: attack,
    description: attack,
    example: attack,
    value: attack,
    isSecret: false,
    isOptional: true,
    isMultiline,
  })
  const choice = { ...acme, name: attack, description: attack, docs: `https://acme.example/${attack}` }
  const methods = acme.methods.map(method => ({ ...method, title: attack, fields: [field('credential.b', true)] }))
  return {
    ...acmeView,
    theme: { name: attack, logoUrl: `https://cdn.example/${attack}` },
    choices: [{ ...choice, config: [field('config.a', false)], methods }, simpleChoice(attack, attack)],
    returnUrl: `https://app.example/?${attack}`,
  }
}

function expectNoMarkup(body: string): void {
  expect(body).not.toContain('<script')
  expect(body).not.toContain('onerror=alert(1)>')
  expect(body.match(/<img [^>]*>/g)?.filter(tag => !tag.startsWith('<img src="https://cdn.example/'))).toEqual([])
  expect(body.match(/<\/(?:title|style|textarea)>/g)?.sort()).toEqual(
    ['</style>', ...(body.match(/<textarea/g) ?? []).map(() => '</textarea>'), '</title>'].sort(),
  )
}

describe('markup in what is shown stays text', () => {
  test.each(['', '?integration=acme', '?integration=acme&method=oauth2', `?search=${encodeURIComponent(attack)}`])(
    'on the page %s',
    async query => {
      await using pages = createPages({ view: hostileView() })
      const { status, body } = await pages.get(page + query)
      expect(status).toBe(200)
      expect(body).toContain('&quot;&#39;&gt;&lt;img src=x onerror=alert(1)&gt;')
      expectNoMarkup(body)
    },
  )

  test('in a refusal and in what was typed', async () => {
    await using pages = createPages({
      view: hostileView(),
      submit: () => {
        throw invalidFields([
          { field: `config.a${attack}`, message: attack },
          { field: attack, message: attack },
        ])
      },
    })
    const { status, body } = await pages.post({ [`config.a${attack}`]: attack, [`credential.b${attack}`]: attack })
    expect(status).toBe(422)
    expectNoMarkup(body)
  })

  test('on a page about an ending', async () => {
    const { theme: hostile } = hostileView()
    await using pages = createPages({
      open: () => {
        throw new ConnectError('used', attack, { theme: hostile, retryPath: `/connect/${attack}`, returnTo: attack })
      },
      finish: () => ({ ...doneStep, theme: hostile, integrationName: attack, returnTo: null }),
    })
    for (const path of [page, '/oauth/callback']) expectNoMarkup((await pages.get(path)).body)
  })
})

describe('an address that is not one of the web', () => {
  const bad = ['javascript:alert(1)', ' JavaScript:alert(1)', 'data:text/html,x', 'vbscript:x', '//evil.example/', '']

  test.each(bad)('%j is in no link and no picture', async address => {
    const choices = [{ ...acme, docs: address }]
    await using pages = createPages({ view: { choices, returnUrl: address, theme: { name: 'B', logoUrl: address } } })
    const { body, headers } = await pages.get(page)
    expect(body).not.toMatch(/javascript|data:|vbscript|evil/i)
    expect(body).not.toContain('<img')
    expect(headers['content-security-policy']).not.toContain('img-src')
  })

  test.each(bad)('%j is nowhere to be sent to', async address => {
    await using pages = createPages({
      submit: () => ({ kind: 'redirect', url: address }),
      finish: () => ({ ...doneStep, returnTo: address }),
    })
    const sent = await pages.post({ scheme: 'oauth2' })
    expect([sent.status, sent.headers.location]).toEqual([500, undefined])
    const back = await pages.get('/oauth/callback?code=1')
    expect([back.status, back.headers.location]).toEqual([200, undefined])
  })

  test.each(['//evil.example', 'https://evil.example/connect/x', '/connect/../x/y', '/connect/a\\b', '/elsewhere/x'])(
    'the page to try again on is one of ours: %s',
    async retryPath => {
      await using pages = createPages({
        open: () => {
          throw new ConnectError('denied', 'denied', { theme, retryPath })
        },
      })
      expect((await pages.get(page)).body).not.toContain('Try again')
    },
  )
})

describe('the headers', () => {
  const policyOf = (headers: Readonly<Record<string, string | undefined>>) =>
    new Map(
      (headers['content-security-policy'] ?? '').split('; ').map(directive => {
        const [name = '', ...sources] = directive.split(' ')
        return [name, sources.join(' ')]
      }),
    )

  test('let in one stylesheet by its hash, the logo by its origin, and nothing else', async () => {
    await using pages = createPages()
    const { headers, body } = await pages.get(page)
    const style = body.match(/<style>([^<]*)<\/style>/)?.[1] ?? ''
    const hash = createHash('sha256').update(style).digest('base64')
    expect(Object.fromEntries(policyOf(headers))).toEqual({
      'default-src': "'none'",
      'style-src': `'sha256-${hash}'`,
      'img-src': 'https://cdn.brightwater.example:8443',
      'frame-ancestors': "'none'",
      'base-uri': "'none'",
    })
    expect(body).not.toMatch(/<[^>]* style=|<script/)
  })

  test.each(['https://a;script-src/x.png', 'https://a,b/x.png', "https://'self'/x.png", 'https://*/x.png'])(
    'a logo whose host would be read as policy is none: %s',
    async logoUrl => {
      await using pages = createPages({ view: { theme: { name: 'B', logoUrl } } })
      const { headers, body } = await pages.get(page)
      expect([...policyOf(headers).keys()]).toEqual(['default-src', 'style-src', 'frame-ancestors', 'base-uri'])
      expect(body).not.toContain('<img')
    },
  )

  test('hold forms to this site wherever no form leads away', async () => {
    await using pages = createPages({ view: { returnUrl: null } })
    expect(policyOf((await pages.get(page)).headers).get('form-action')).toBe("'self'")
    expect(policyOf((await pages.get(`${page}?method=oauth2`)).headers).has('form-action')).toBe(false)
    expect(policyOf((await pages.get('/connect/other')).headers).get('form-action')).toBe("'self'")
  })

  test('are on every answer', async () => {
    await using pages = createPages({ submit: () => ({ kind: 'redirect', url: 'https://vendor.example/' }) })
    const answers = [
      await pages.get(page),
      await pages.get('/connect/other'),
      await pages.get('/connect/a/b'),
      await pages.get('/oauth/callback'),
      await pages.post({ scheme: 'oauth2' }),
      await pages.post({ csrf: 'no' }),
    ]
    expect(answers.map(answer => answer.status)).toEqual([200, 404, 404, 303, 303, 403])
    for (const { headers } of answers) {
      expect(headers).toMatchObject({
        'cache-control': 'no-store',
        'referrer-policy': 'no-referrer',
        'x-content-type-options': 'nosniff',
        'cross-origin-opener-policy': 'same-origin',
      })
    }
  })
})

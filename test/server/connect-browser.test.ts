/** The connect pages in a real browser: by keyboard, without JavaScript, to the vendor's site and back, and out of other sites' hands. */
import type { Locator, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ConnectError } from '../../src/connections/connect-view.ts'
import { invalidFields } from '../../src/errors.ts'
import { createBrowser, type TestBrowser } from '../support/browser.ts'
import { createUpstream, type Recorded } from '../support/upstream.ts'
import { acme, createFakeFlow, doneStep, type FakeFlow, linkToken, simpleChoice, theme } from './connect-fake-flow.ts'
import { hostPages } from './connect-hosted.ts'

let browser: TestBrowser
beforeAll(async () => {
  browser = await createBrowser()
})
afterAll(() => browser[Symbol.asyncDispose]())

const withoutScript = { javaScriptEnabled: false }
const linkOf = (url: string) => `${url}connect/${linkToken}`
/** No picture from a host that does not exist. */
const plainTheme = { ...theme, logoUrl: null }
const refused = [
  { field: 'credential.key', message: 'Acme does not know this key.' },
  { field: 'config.region', message: 'Write a region such as eu1.' },
]

/** Presses Tab until it is there. */
async function tabTo(page: Page, target: Locator): Promise<void> {
  for (let presses = 0; presses < 20; presses += 1) {
    await page.keyboard.press('Tab')
    if (await hasFocus(page, target)) return
  }
  throw new Error(`Tab does not lead to ${target}`)
}

async function hasFocus(page: Page, target: Locator): Promise<boolean> {
  return (await target.and(page.locator(':focus')).count()) === 1
}

describe('by keyboard alone, without JavaScript,', () => {
  test('a form is filled in, refused, mended and sent', async () => {
    const flow = createFakeFlow({
      view: { theme: plainTheme, returnUrl: null },
      submit: ({ values }) => {
        if (values['config.region'] !== 'eu1') throw invalidFields(refused)
        return { ...doneStep, theme: plainTheme, returnTo: null }
      },
    })
    await using hosted = await hostPages(flow)
    await using visit = await browser.open(withoutScript)
    const { page } = visit
    await page.goto(linkOf(hosted.url))
    await tabTo(page, page.getByLabel('Region'))
    await page.keyboard.press('End')
    await page.keyboard.type('x')
    await tabTo(page, page.getByLabel('API key', { exact: true }))
    await page.keyboard.type('key-1')
    await page.keyboard.press('Enter')

    const summary = page.getByRole('alert', { name: 'Something needs your attention' })
    await summary.waitFor()
    expect(await hasFocus(page, summary)).toBe(true)
    expect(await page.title()).toBe('Error: Connect Acme CRM · Brightwater')
    await tabTo(page, page.getByRole('link', { name: 'Acme does not know this key.' }))
    await page.keyboard.press('Enter')
    const key = page.getByLabel('API key', { exact: true })
    expect(await hasFocus(page, key)).toBe(true)
    expect(await key.inputValue()).toBe('')
    await page.keyboard.type('key-2')
    const region = page.getByLabel('Region')
    await tabBack(page, region)
    expect(await region.inputValue()).toBe('us9x')
    await page.keyboard.press('ControlOrMeta+a')
    await page.keyboard.type('eu1')
    await tabTo(page, page.getByLabel('Note'))
    await page.keyboard.type('one')
    await page.keyboard.press('Enter')
    await page.keyboard.type('two')
    await tabTo(page, page.getByRole('button', { name: 'Connect' }))
    await page.keyboard.press('Enter')

    await page.getByRole('heading', { name: 'Acme CRM is connected' }).waitFor()
    expect(flow.submitted.map(({ submission }) => submission.values)).toEqual([
      { 'config.region': 'us9x', 'credential.key': 'key-1' },
      { 'config.region': 'eu1', 'credential.key': 'key-2', 'credential.note': 'one\ntwo' },
    ])
    expect(new Set(flow.submitted.map(sent => sent.browser)).size).toBe(1)
    expect(visit.errors.filter(error => !error.includes('422'))).toEqual([])
  })

  test('an integration is searched for, chosen, and another way to connect taken', async () => {
    const others = Array.from({ length: 12 }, (_, index) => simpleChoice(`svc-${index}`, `Service ${index}`))
    await using hosted = await hostPages(createFakeFlow({ view: { theme: plainTheme, choices: [...others, acme] } }))
    await using visit = await browser.open(withoutScript)
    const { page } = visit
    await page.goto(linkOf(hosted.url))
    expect(await page.getByRole('listitem').count()).toBe(13)
    await tabTo(page, page.getByRole('searchbox', { name: 'Search services' }))
    await page.keyboard.type('acme')
    await page.keyboard.press('Enter')
    await page.waitForURL(/search=acme/)
    expect(await page.getByRole('status').textContent()).toBe('1 service')
    await tabTo(page, page.getByRole('link', { name: 'Acme CRM' }))
    await page.keyboard.press('Enter')
    const ways = page.getByRole('navigation', { name: 'Ways to connect' })
    await ways.waitFor()
    await tabTo(page, ways.getByRole('link', { name: 'Sign in' }))
    await page.keyboard.press('Enter')
    await page.getByRole('button', { name: 'Continue to Acme CRM' }).waitFor()
    expect(await ways.locator('[aria-current=page]').textContent()).toBe('Sign in')
    expect(visit.errors).toEqual([])
  })
})

async function tabBack(page: Page, target: Locator): Promise<void> {
  for (let presses = 0; presses < 20 && !(await hasFocus(page, target)); presses += 1) {
    await page.keyboard.press('Shift+Tab')
  }
}

/** What a screen reader is told of a refused form. */
const readAs = `- main:
  - heading "Connect Acme CRM" [level=1]
  - alert "Something needs your attention":
    - heading "Something needs your attention" [level=2]
    - list:
      - listitem:
        - link "Write a region such as eu1.":
          - /url: "#field-0"
      - listitem:
        - link "Acme does not know this key.":
          - /url: "#field-1"
  - paragraph: Brightwater asks to be connected to your Acme CRM account.
  - navigation "Ways to connect":
    - list:
      - listitem:
        - link "API key":
          - /url: "?integration=acme&method=apiKey"
      - listitem:
        - link "Sign in":
          - /url: "?integration=acme&method=oauth2"
  - text: Region
  - paragraph:
    - text: "Where your account is. Example:"
    - code: eu1
  - paragraph: "Error: Write a region such as eu1."
  - textbox "Region" [invalid]: us9
  - text: API key
  - paragraph: "Error: Acme does not know this key."
  - textbox "API key" [invalid]
  - text: Note (optional)
  - textbox "Note (optional)"
  - button "Connect"
  - paragraph:
    - link "Documentation of Acme CRM (opens in a new tab)":
      - /url: https://acme.example/api`

test('a refused form says its names and what is wrong, in order', async () => {
  const flow = createFakeFlow({
    view: { theme: plainTheme },
    submit: () => {
      throw invalidFields(refused)
    },
  })
  await using hosted = await hostPages(flow)
  await using visit = await browser.open(withoutScript)
  const { page } = visit
  await page.goto(linkOf(hosted.url))
  await page.getByRole('button', { name: 'Connect' }).click()
  await page.getByRole('alert').waitFor()
  expect(await page.locator('main').ariaSnapshot()).toBe(readAs)
})

describe.each(['http', 'https'] as const)('over %s', scheme => {
  test('the vendor’s site is reached through its own redirects, and its way back ends at the caller', async () => {
    await using caller = await createUpstream((_request, response) => response.end('Welcome back'))
    await using vendor = await createVendor()
    let hostedUrl = ''
    const flow: FakeFlow = createFakeFlow({
      view: { theme: plainTheme, returnUrl: `${caller.url}/` },
      submit: () => ({ kind: 'redirect', url: `${vendor.url}/authorize?back=${hostedUrl}oauth/callback&state=s1` }),
      finish: (params, secret) => {
        if (secret === undefined || secret !== flow.submitted[0]?.browser) throw new ConnectError('state', 'no cookie')
        return { ...doneStep, returnTo: `${caller.url}/done?connection_id=conn_1&state=${params.get('state')}` }
      },
    })
    await using hosted = await hostPages(flow, scheme)
    hostedUrl = hosted.url
    await using visit = await browser.open(withoutScript)
    const { page } = visit
    await page.goto(`${linkOf(hosted.url)}?method=oauth2`)
    await page.getByRole('button', { name: 'Continue to Acme CRM' }).click()
    await page.getByRole('link', { name: 'Allow' }).click()
    await page.getByText('Welcome back').waitFor()
    expect(caller.seen.at(0)?.url).toBe('/done?connection_id=conn_1&state=s1')
    expect(flow.finished.map(({ params }) => params)).toEqual(['code=c1&state=s1'])
    const cookies = (await page.context().cookies(hosted.url)).map(({ name, httpOnly, sameSite, secure }) => ({
      name,
      httpOnly,
      sameSite,
      secure,
    }))
    const isSecure = scheme === 'https'
    const name = isSecure ? '__Host-passgate-connect' : 'passgate-connect'
    expect(cookies).toEqual([{ name, httpOnly: true, sameSite: 'Lax', secure: isSecure }])
    // The link is a secret: nobody whom the browser went to was told of it.
    for (const { headers } of [...vendor.seen, ...caller.seen]) expect(headers.referer ?? '').not.toContain(linkToken)
    expect(visit.errors).toEqual([])
  })

  test('somebody else’s way back is refused', async () => {
    const flow = createFakeFlow({
      finish: (_params, secret) => {
        throw new ConnectError('state', `came with ${secret}`, { theme: plainTheme })
      },
    })
    await using hosted = await hostPages(flow, scheme)
    await using visit = await browser.open(withoutScript)
    await visit.page.goto(`${hosted.url}oauth/callback?code=theirs&state=theirs`)
    await visit.page.getByRole('heading', { name: 'This sign-in cannot be finished here' }).waitFor()
    expect(flow.finished[0]?.browser).toBeUndefined()
  })
})

/** On another site than the gateway (`localhost`), with a redirect of its own before it asks. */
async function createVendor() {
  const upstream = await createUpstream((request, response) => {
    const { pathname, searchParams } = new URL(request.url, 'http://vendor')
    if (pathname === '/authorize') {
      const elsewhere = request.headers.host?.replace('localhost', '127.0.0.1')
      response.writeHead(302, { location: `http://${elsewhere}/login?${searchParams}` }).end()
      return
    }
    const back = `${searchParams.get('back')}?code=c1&state=${searchParams.get('state')}`
    response.writeHead(200, { 'content-type': 'text/html' }).end(`<a href="${back}">Allow</a>`)
  })
  const seen: readonly Recorded[] = upstream.seen
  return {
    url: upstream.url.replace('127.0.0.1', 'localhost'),
    seen,
    [Symbol.asyncDispose]: () => upstream[Symbol.asyncDispose](),
  }
}

describe('another site', () => {
  const evil = (html: string) =>
    createUpstream((_request, response) => response.writeHead(200, { 'content-type': 'text/html' }).end(html))

  test('cannot send the form in the name of a browser that has the page open', async () => {
    const flow = createFakeFlow({ view: { theme: plainTheme } })
    await using hosted = await hostPages(flow)
    await using site = await evil(
      `<form method="post" action="${linkOf(hosted.url)}"><input name="integration" value="acme"><input name="scheme" value="apiKey"><input name="credential.key" value="planted"><button>Win</button></form>`,
    )
    await using visit = await browser.open(withoutScript)
    await visit.page.goto(linkOf(hosted.url))
    await visit.page.goto(site.url.replace('127.0.0.1', 'localhost'))
    await visit.page.getByRole('button', { name: 'Win' }).click()
    await visit.page.getByRole('heading', { name: 'Your browser sent no cookie' }).waitFor()
    expect(flow.submitted).toEqual([])
    await visit.page.getByRole('link', { name: 'Open the page again' }).click()
    await visit.page.getByLabel('Region').waitFor()
  })

  test('cannot put the page into a frame', async () => {
    await using hosted = await hostPages(createFakeFlow({ view: { theme: plainTheme } }))
    await using site = await evil(`<iframe src="${linkOf(hosted.url)}"></iframe><p>bait</p>`)
    await using visit = await browser.open()
    await visit.page.goto(site.url)
    await expect.poll(() => visit.errors.join(' ')).toContain("frame-ancestors 'none'")
    expect(await visit.page.frameLocator('iframe').getByLabel('Region').count()).toBe(0)
  })
})

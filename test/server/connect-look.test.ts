/** How the connect pages look: the stylesheet and the logo pass the policy, text can be read in light and dark, and all fits. */
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ConnectError } from '../../src/connections/connect-view.ts'
import { invalidFields } from '../../src/errors.ts'
import { createBrowser, type TestBrowser } from '../support/browser.ts'
import { createUpstream, type Upstream } from '../support/upstream.ts'
import { acme, createFakeFlow, doneStep, linkToken, simpleChoice } from './connect-fake-flow.ts'
import { type Hosted, hostPages } from './connect-hosted.ts'

const logo =
  '<svg xmlns="http://www.w3.org/2000/svg" width="8" height="8"><circle cx="4" cy="4" r="4" fill="teal"/></svg>'

let browser: TestBrowser
let pictures: Upstream
let hosted: Hosted
const parts = new AsyncDisposableStack()
beforeAll(async () => {
  browser = parts.use(await createBrowser())
  pictures = parts.use(
    await createUpstream((_request, response) => response.setHeader('content-type', 'image/svg+xml').end(logo)),
  )
  const theme = { name: 'Brightwater Logistics', logoUrl: `${pictures.url}/logo.svg` }
  const others = Array.from({ length: 12 }, (_, index) => simpleChoice(`svc-${index}`, `Service ${index}`))
  const flow = createFakeFlow({
    view: { theme, choices: [acme, ...others], expiresAt: new Date(Date.now() + 20 * 60_000) },
    submit: () => {
      throw invalidFields([{ field: 'credential.key', message: 'Acme does not know this key.' }])
    },
    finish: params => {
      if (params.has('error'))
        throw new ConnectError('denied', 'no', { theme, retryPath: '/connect/x', returnTo: pictures.url })
      return { ...doneStep, theme, returnTo: null }
    },
  })
  hosted = parts.use(await hostPages(flow))
})
afterAll(() => parts.disposeAsync())

const ways: Record<string, (page: Page) => Promise<unknown>> = {
  list: page => page.goto(`${hosted.url}connect/${linkToken}`),
  form: page => page.goto(`${hosted.url}connect/${linkToken}?integration=acme`),
  'refused form': async page => {
    await page.goto(`${hosted.url}connect/${linkToken}?integration=acme`)
    await page.getByRole('button', { name: 'Connect' }).click()
    await page.getByRole('alert').waitFor()
  },
  redirect: page => page.goto(`${hosted.url}connect/${linkToken}?integration=acme&method=oauth2`),
  done: page => page.goto(`${hosted.url}oauth/callback?code=1`),
  denied: page => page.goto(`${hosted.url}oauth/callback?error=access_denied`),
}
const pages = Object.keys(ways)

/** The least contrast (WCAG 2.2 §1.4.3) of any text with what lies behind it, and where. */
const measureContrast = `(() => {
  const parse = color => color.match(/[\\d.]+/g).map(Number)
  const luminance = ([r, g, b]) => [r, g, b]
    .map(value => value / 255)
    .map(value => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4))
    .reduce((sum, value, index) => sum + value * [0.2126, 0.7152, 0.0722][index], 0)
  const groundOf = element => {
    const color = parse(getComputedStyle(element).backgroundColor)
    return color[3] === 0 && element.parentElement ? groundOf(element.parentElement) : color
  }
  const texts = [...document.body.querySelectorAll('*')].filter(element =>
    element.matches('input, textarea') || [...element.childNodes].some(node => node.nodeType === 3 && node.data.trim()))
  return texts.map(element => {
    const [text, ground] = [parse(getComputedStyle(element).color), groundOf(element)].map(luminance)
    return { ratio: (Math.max(text, ground) + 0.05) / (Math.min(text, ground) + 0.05), text: element.outerHTML.slice(0, 80) }
  })
})()`

/** Too low or too narrow for a finger (WCAG 2.2 §2.5.5 asks for 44 pixels). */
const findSmallTargets = `[...document.querySelectorAll('button, input:not([type=hidden]), textarea, .button, .choices a, .methods a')]
  .filter(element => element.getBoundingClientRect().height < 44 || element.getBoundingClientRect().width < 44)
  .map(element => element.outerHTML)`

describe.each(['light', 'dark'] as const)('in %s colours', colorScheme => {
  test.each(pages)('the page "%s" can be read', async name => {
    await using visit = await browser.open({ colorScheme })
    await ways[name]?.(visit.page)
    const measured = await visit.page.evaluate<{ ratio: number; text: string }[]>(measureContrast)
    expect(measured.length).toBeGreaterThan(2)
    expect(measured.filter(({ ratio }) => ratio < 4.5)).toEqual([])
    const isDark = (await visit.page.evaluate('getComputedStyle(document.body).backgroundColor')) === 'rgb(16, 19, 24)'
    expect(isDark).toBe(colorScheme === 'dark')
  })
})

describe('on a small telephone', () => {
  test.each(pages)('the page "%s" fits, with room for fingers', async name => {
    await using visit = await browser.open({ viewport: { width: 320, height: 600 } })
    await ways[name]?.(visit.page)
    expect(await visit.page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(320)
    expect(await visit.page.evaluate(findSmallTargets)).toEqual([])
  })
})

test('nothing of a page is refused by its own policy, and the logo is seen', async () => {
  await using visit = await browser.open()
  for (const name of pages) {
    await ways[name]?.(visit.page)
    expect(await visit.page.evaluate('document.querySelector("header img").naturalWidth')).toBe(8)
  }
  expect(visit.errors.filter(error => error.includes('Content Security Policy'))).toEqual([])
})

test('focus is seen', async () => {
  await using visit = await browser.open()
  await ways.form?.(visit.page)
  await visit.page.keyboard.press('Tab')
  expect(await visit.page.evaluate('getComputedStyle(document.activeElement).outlineWidth')).toBe('3px')
})

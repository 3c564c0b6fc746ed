/** A real browser: the system's Chromium without a window, one profile per page. */
import { type BrowserContextOptions, chromium, type Page } from 'playwright-core'

export interface TestBrowser extends AsyncDisposable {
  /** A page in a profile of its own. Certificates are not asked for, because the tests' one is self-signed. */
  open(options?: BrowserContextOptions): Promise<BrowserPage>
}

export interface BrowserPage extends AsyncDisposable {
  readonly page: Page
  /** What the page's console was told as an error: refusals of its policy among it. */
  readonly errors: readonly string[]
}

export async function createBrowser(): Promise<TestBrowser> {
  const browser = await chromium.launch({
    executablePath: '/usr/bin/chromium',
    // As root there is no sandbox, and in a container little shared memory.
    args: ['--no-sandbox', '--disable-dev-shm-usage'],
  })
  return {
    async open(options = {}) {
      const context = await browser.newContext({ ignoreHTTPSErrors: true, ...options })
      const errors: string[] = []
      context.on('console', message => {
        if (message.type() === 'error') errors.push(message.text())
      })
      const page = await context.newPage()
      page.setDefaultTimeout(15_000)
      return { page, errors, [Symbol.asyncDispose]: () => context.close() }
    },
    [Symbol.asyncDispose]: () => browser.close(),
  }
}

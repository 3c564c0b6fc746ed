/** An end user's browser without a screen: cookies, forms and redirects, one step at a time. */

export interface Page {
  readonly url: string
  readonly status: number
  readonly html: string
  /** Where it sends the browser next. */
  readonly location: string | undefined
}

export interface Visitor {
  visit(url: string): Promise<Page>
  /** Sends the form of a page with these values in it. */
  submit(page: Page, values: Readonly<Record<string, string>>): Promise<Page>
  /** Follows redirects from a page until one of them leaves for an address that begins so, or there are no more. */
  follow(page: Page, until?: string): Promise<Page>
}

export function createVisitor(): Visitor {
  const jar = new Map<string, Map<string, string>>()

  async function send(url: string, init: RequestInit = {}): Promise<Page> {
    const { host } = new URL(url)
    const cookies = jar.get(host) ?? new Map<string, string>()
    jar.set(host, cookies)
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const response = await fetch(url, { ...init, redirect: 'manual', headers: { ...init.headers, cookie } })
    for (const line of response.headers.getSetCookie()) {
      const pair = line.split(';')[0] ?? ''
      const at = pair.indexOf('=')
      cookies.set(pair.slice(0, at), pair.slice(at + 1))
    }
    const location = response.headers.get('location')
    const next = location === null ? undefined : new URL(location, url).href
    return { url, status: response.status, html: await response.text(), location: next }
  }

  return {
    visit: url => send(url),
    submit(page, values) {
      const form = new URLSearchParams(hiddenFields(page.html))
      for (const [name, value] of Object.entries(values)) form.set(name, value)
      const headers = { 'content-type': 'application/x-www-form-urlencoded' }
      return send(page.url.split('?')[0] ?? page.url, { method: 'POST', headers, body: String(form) })
    },
    async follow(page, until) {
      let current = page
      for (let hop = 0; hop < 10 && current.location !== undefined; hop += 1) {
        if (until !== undefined && current.location.startsWith(until)) return current
        current = await send(current.location)
      }
      return current
    },
  }
}

function hiddenFields(html: string): [string, string][] {
  return [...html.matchAll(/<input[^>]*type="hidden"[^>]*>/g)].map(([tag]) => {
    const attribute = (name: string) => new RegExp(`${name}="([^"]*)"`).exec(tag)?.[1] ?? ''
    return [attribute('name'), attribute('value')]
  })
}

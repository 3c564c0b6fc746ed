/** The templates under which requests are counted and traced: an address may hold a token or name a person. */

const exact: ReadonlySet<string> = new Set([
  '/',
  '/graphql',
  '/livez',
  '/readyz',
  '/metrics',
  '/.well-known/jwks.json',
  '/oauth/callback',
])

const prefixes: readonly (readonly [prefix: string, template: string])[] = [
  ['/passthrough/', '/passthrough/{connectionId}/{path}'],
  ['/downloads/', '/downloads/{token}'],
  ['/connect/', '/connect/{token}'],
  ['/logos/', '/logos/{icon}'],
  ['/logos/', '/logos/{icon}.svg'],
]

/** Of the listener that has the vendors' paths at its root. */
export const rootTemplate = '/{path}'

/** `other` for what is no address of the gateway. */
export function templateOf(url: string): string {
  for (const [prefix, template] of prefixes) if (url.startsWith(prefix)) return template
  const mark = url.indexOf('?')
  const path = mark === -1 ? url : url.slice(0, mark)
  return exact.has(path) ? path : 'other'
}

const probes: ReadonlySet<string> = new Set(['/livez', '/readyz', '/metrics'])

/** Whether machines ask for it all the time, so that a trace of it tells nothing. */
export function isProbe(template: string): boolean {
  return probes.has(template)
}

/** The smallest definition there is, for tests that change one thing about it. */

export function definition(changes: Record<string, unknown> = {}): Record<string, unknown> {
  return { slug: 'acme', name: 'Acme', baseUrl: 'https://api.acme.example', auth: [{ scheme: 'bearer' }], ...changes }
}

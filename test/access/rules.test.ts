/** Rules: deny wins, what is allowed excludes the rest, and no spelling of a path slips past. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parsePathPattern } from '../../src/access/path-pattern.ts'
import { checkRules, judgeRules, type Rule, type RuleTarget } from '../../src/access/rules.ts'
import { refusal } from '../auth/refusal.ts'

function target(method: string, path: string, more: Partial<RuleTarget> = {}): RuleTarget {
  return {
    integration: 'acme',
    connectionId: 'conn_1',
    endUserId: 'ann',
    methods: [method],
    path,
    basePath: '',
    ...more,
  }
}

function verdict(rules: Rule[], request: RuleTarget): string {
  return judgeRules([{ owner: 'the key "k"', rules: checkRules('rules', rules) }], request)?.message ?? 'allowed'
}

const contacts: Rule = { effect: 'ALLOW', name: 'contacts', methods: ['GET'], paths: ['/contacts*'] }

describe('a rule that allows', () => {
  test.each([
    ['GET', '/contacts', true],
    ['GET', '/contacts/1/notes', true],
    ['GET', '/contacts/a%20b', true],
    ['GET', '/contacts/caf%c3%a9', true],
    ['POST', '/contacts', false],
    ['HEAD', '/contacts', false],
    ['GET', '/deals', false],
    ['GET', '/x/contacts', false],
    ['GET', '/Contacts', false],
    ['GET', '/%63ontacts', false],
    ['GET', '/%2563ontacts', false],
    ['GET', '//contacts', false],
    ['GET', '//evil/contacts', false],
    ['GET', '/;x/contacts', false],
    ['GET', '/contact', false],
    ['GET', '', false],
  ])('%s %s: %s', (method, path, isAllowed) => {
    const said = verdict([contacts], target(method, path))
    expect(said === 'allowed').toBe(isAllowed)
    if (!isAllowed) expect(said).toBe('No rule of the key "k" allows this request; it allows "contacts".')
  })

  test('covers every way in which the path may be read', () => {
    const byId: Rule = { effect: 'ALLOW', paths: ['/contacts/:id'] }
    expect(verdict([byId], target('GET', '/contacts/1'))).toBe('allowed')
    expect(verdict([byId], target('GET', '/contacts/1%2Fdeals'))).toContain('No rule')
    expect(verdict([byId], target('GET', '/contacts/1%252Fdeals'))).toContain('No rule')
    expect(verdict([byId], target('GET', '/contacts/1%5Cdeals'))).toContain('No rule')
  })

  test('has no say about a request that goes elsewhere than below the base URL', () => {
    expect(verdict([contacts], target('GET', '/contacts', { basePath: undefined }))).toContain('No rule')
    expect(verdict([{ effect: 'ALLOW', methods: ['GET'] }], target('GET', '/x', { basePath: undefined }))).toBe(
      'allowed',
    )
  })

  test('covers every method that the vendor may read', () => {
    expect(verdict([contacts], target('GET', '/contacts', { methods: ['GET', 'DELETE'] }))).toContain('No rule')
  })

  test.each<[Partial<Rule>, boolean]>([
    [{ integrations: ['acme'] }, true],
    [{ integrations: ['other'] }, false],
    [{ connections: ['conn_1'] }, true],
    [{ connections: ['conn_2'] }, false],
    [{ endUsers: ['ann'] }, true],
    [{ endUsers: ['bob'] }, false],
    [{ integrations: ['acme'], endUsers: ['bob'] }, false],
  ])('%o: %s', (rule, isAllowed) => {
    expect(verdict([{ effect: 'ALLOW', ...rule }], target('GET', '/x')) === 'allowed').toBe(isAllowed)
  })
})

describe('a rule that denies', () => {
  const deny: Rule = { effect: 'DENY', methods: ['DELETE'], paths: ['/admin*'] }

  test.each([
    ['DELETE', '/admin/users', false],
    ['DELETE', '/ADMIN/users', false],
    ['DELETE', '/%61dmin', false],
    ['DELETE', '/%2561dmin', false],
    ['DELETE', '//admin', false],
    ['DELETE', '/%2Fadmin', false],
    ['DELETE', '/%5cadmin', false],
    ['DELETE', '/;v=1/admin', false],
    ['DELETE', '/admin;x', false],
    ['GET', '/admin', true],
    ['DELETE', '/contacts', true],
  ])('%s %s: allowed %s', (method, path, isAllowed) => {
    const said = verdict([deny], target(method, path))
    expect(said).toBe(isAllowed ? 'allowed' : 'The rule "DELETE /admin*" of the key "k" denies this request.')
  })

  test('wins over one that allows, and looks at the whole path of what goes elsewhere', () => {
    const all: Rule = { effect: 'ALLOW' }
    expect(verdict([all, deny], target('DELETE', '/admin'))).toContain('denies')
    expect(verdict([deny], target('DELETE', '/admin', { basePath: undefined }))).toContain('denies')
    expect(verdict([deny], target('POST', '/admin', { methods: ['POST', 'DELETE'] }))).toContain('denies')
  })
})

describe('however a path is spelled', () => {
  /** A vendor reads all of it as `/admin/users`: encoded up to twice, in any case, with doubled slashes and parameters. */
  const spelled = (path: string) =>
    fc
      .tuple(...[...path].map(char => fc.tuple(fc.constant(char), fc.nat(2), fc.boolean(), fc.nat(9))))
      .map(chars => chars.map(([char, rounds, isUpper, filler]) => spell(char, rounds, isUpper, filler)).join(''))

  function spell(char: string, rounds: number, isUpper: boolean, filler: number): string {
    let written = isUpper ? char.toUpperCase() : char
    if (char === '/' && filler === 0) return '//'
    if (char === '/' && filler === 1) return ';v=1/'
    for (let round = 0; round < rounds; round += 1) {
      const code = round === 0 ? `%${written.charCodeAt(0).toString(16)}` : written.replaceAll('%', '%25')
      written = code
    }
    return written
  }

  test('what denies it denies it, below the base URL and elsewhere', () => {
    const deny: Rule = { effect: 'DENY', paths: ['/admin/:id'] }
    fc.assert(
      fc.property(spelled('/admin/users'), fc.constantFrom('', '/v2', undefined), (path, basePath) => {
        const whole = `${basePath ?? '/v2'}/${path}`.replace('/;', '//;')
        expect(verdict([deny], target('GET', whole, { basePath }))).toContain('denies')
      }),
      { numRuns: 500 },
    )
  })

  test('what allows something else does not allow it', () => {
    const allow: Rule = { effect: 'ALLOW', paths: ['/contacts*'] }
    const inside = fc.tuple(fc.constantFrom('/contacts/', '/contacts/1/'), spelled('../admin'))
    fc.assert(
      fc.property(
        fc.oneof(
          spelled('/admin'),
          inside.map(parts => parts.join('')),
        ),
        path => {
          expect(verdict([allow], target('GET', path))).not.toBe('allowed')
        },
      ),
      { numRuns: 500 },
    )
  })
})

test('all sets have to agree', () => {
  const sets = [
    { owner: 'the session', rules: [contacts] },
    { owner: 'the connection', rules: [{ effect: 'DENY', paths: ['/contacts/secret'] } as const] },
  ]
  expect(judgeRules(sets, target('GET', '/contacts'))).toBeUndefined()
  expect(judgeRules(sets, target('GET', '/contacts/secret'))).toMatchObject({
    code: 'POLICY_DENIED',
    message: 'The rule "any method /contacts/secret" of the connection denies this request.',
  })
  expect(judgeRules([{ owner: 'the key', rules: [] }], target('GET', '/x'))).toBeUndefined()
})

test.each<[Rule, string]>([
  [{ effect: 'ALLOW', paths: ['contacts'] }, 'rules.0.paths.0'],
  [{ effect: 'ALLOW', paths: ['/a(b+)+'] }, 'rules.0.paths.0'],
  [{ effect: 'ALLOW', paths: ['/:a+'] }, 'rules.0.paths.0'],
  [{ effect: 'ALLOW', paths: ['/a?'] }, 'rules.0.paths.0'],
  [{ effect: 'ALLOW', paths: [`/${'a'.repeat(600)}`] }, 'rules.0.paths.0'],
  [{ effect: 'ALLOW', paths: [] }, 'rules.0.paths'],
  [{ effect: 'ALLOW', methods: ['GE T'] }, 'rules.0.methods.0'],
  [{ effect: 'ALLOW', name: '' }, 'rules.0.name'],
  [{ effect: 'MAYBE' as 'ALLOW' }, 'rules.0.effect'],
])('refuses %o', (rule, field) => {
  const error = refusal(() => checkRules('rules', [rule]))
  expect(error.code).toBe('INVALID_INPUT')
  expect(error.details?.map(detail => detail.field)).toEqual([field])
})

describe('a path pattern', () => {
  test.each([
    '/contacts*',
    '/contacts/:id',
    '/contacts/:id?',
    '/contacts{/:id}?',
    '/a/*/b',
    '*',
    '/v:version/x',
    '/a\\:b',
    '/a.b',
    '/:a/:b',
    '/files/*?',
  ])('%s matches what URLPattern matches', source => {
    const ours = parsePathPattern(source, { isFolded: false })
    const theirs = new URLPattern({ pathname: source })
    const segment = fc.constantFrom('contacts', 'a', 'b', 'v1', 'x', '1', 'files', 'a:b', 'a.b', 'axb', '')
    fc.assert(
      fc.property(fc.array(segment, { maxLength: 4 }), segments => {
        const path = `/${segments.join('/')}`
        expect([path, ours?.matches(path)]).toEqual([path, theirs.test({ pathname: path })])
      }),
      { numRuns: 300 },
    )
  })

  test('takes no longer than the path is long', () => {
    const pattern = parsePathPattern(`/${'*a'.repeat(100)}b`, { isFolded: true })
    expect(pattern?.matches(`/${'a'.repeat(16_000)}`)).toBe(false)
  })
})

/** Patterns of definitions are RE2: whole matches, in time linear in the text, and no larger than they look. */
import { describe, expect, it } from 'vitest'
import { explainPattern, matchesWhole } from '../../src/catalog/pattern.ts'

const syntax = 'a pattern in RE2 syntax (no lookaround, no backreferences)'

describe('patterns', () => {
  it.each(['[a-z]{2}[0-9]', '^us9$', '(?i)abc', '(?:a|b)+', '\\p{L}+', '(a+)+$', ''])('takes %s', pattern => {
    expect(explainPattern(pattern)).toBeUndefined()
  })

  it.each([
    ['(?=a)b', `${syntax}: invalid or unsupported Perl syntax: \`(?=\``],
    ['(?!a)b', `${syntax}: invalid or unsupported Perl syntax: \`(?!\``],
    ['(?<=a)b', `${syntax}: invalid named capture: \`(?<=a)b\``],
    ['(a)\\1', `${syntax}: invalid escape sequence: \`\\1\``],
    ['[', `${syntax}: missing closing ]: \`[\``],
    ['a{1001}', `${syntax}: invalid repeat count: \`{1001}\``],
    ['.{0,900}.{0,900}.{0,900}', 'a simpler pattern: this one expands too far'],
    ['a'.repeat(501), 'a pattern of at most 500 characters'],
  ])('refuses %s', (pattern, reason) => {
    expect(explainPattern(pattern)).toBe(reason)
  })

  it('matches whole texts only, whatever the pattern anchors', () => {
    for (const pattern of ['us[0-9]', '^us[0-9]$', '^us[0-9]', 'x|us[0-9]', '(?m)^us[0-9]$']) {
      expect(matchesWhole(pattern, 'us9')).toBe(true)
      for (const text of ['us9\n', 'us9\nx', 'xus9', 'us99', '']) expect(matchesWhole(pattern, text)).toBe(false)
    }
  })

  // A backtracking engine needs far more than a lifetime for each of these; the runner's time limit is the assertion.
  it.each(['(a+)+', '(?:a|a)+', '(?:a|aa)+', '(?:a*)*b?', '(?:a?){200}a{200}'])(
    'answers %s on a hostile text',
    pattern => {
      expect(matchesWhole(pattern, `${'a'.repeat(511)}!`)).toBe(false)
    },
  )
})

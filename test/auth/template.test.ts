/** Templates are filled in one pass: what a value holds is never read as a template. */
import { describe, expect, it } from 'vitest'
import { hasStrayBrace, parseTemplate, placeholdersOf, renderTemplate } from '../../src/auth/template.ts'

describe('templates', () => {
  it('keeps the text around placeholders', () => {
    expect(parseTemplate('Bearer {accessToken}!')).toEqual([
      { text: 'Bearer ' },
      { name: 'accessToken' },
      { text: '!' },
    ])
    expect(renderTemplate(parseTemplate('a{x}b{y}{x}'), { x: '1', y: '2' })).toBe('a1b21')
    expect(renderTemplate(parseTemplate('plain'), {})).toBe('plain')
  })

  it.each(['{apiKey}', '{other}', '$&', '$1', '$$', '{{apiKey}}'])('never expands the value %s again', value => {
    expect(renderTemplate(parseTemplate('<{apiKey}>'), { apiKey: value, other: 'LEAK' })).toBe(`<${value}>`)
  })

  it('names each placeholder once, in order', () => {
    expect(placeholdersOf('{b}/{a}/{b}')).toEqual(['b', 'a'])
  })

  it.each(['{', '}', '{}', '{1a}', '{a b}', '{a', 'a}', '{__proto__}', '{{a}}'])('sees the stray brace in %s', text => {
    expect(hasStrayBrace(text)).toBe(true)
  })

  it.each(['constructor', 'toString', 'missing'])('refuses {%s} when nobody provides it', name => {
    expect(() => renderTemplate(parseTemplate(`{${name}}`), {})).toThrow(
      new TypeError(`The template asks for {${name}}, which nobody provides.`),
    )
  })
})

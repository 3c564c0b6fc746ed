/** Values are written as OpenAPI's own table says (3.1.1 §4.8.12.4, "Style Examples"), row by row. */
import { describe, expect, test } from 'vitest'
import type { ActionParameter } from '../../src/actions/action.ts'
import { buildRequest } from '../../src/actions/build-request.ts'
import type { Style } from '../../src/actions/styles.ts'
import { fillPathParams } from '../../src/passthrough/path.ts'

const values = {
  empty: '',
  string: 'blue',
  array: ['blue', 'black', 'brown'],
  object: { R: 100, G: 200, B: 150 },
} as const

type Kind = keyof typeof values
type Row = readonly [style: Style, explode: boolean, ...written: readonly (readonly [Kind, string])[]]

/** What stands in the table as `n/a` is left out. */
const inPaths: readonly Row[] = [
  ['matrix', false, ['empty', ';color'], ['string', ';color=blue'], ['array', ';color=blue,black,brown']],
  ['matrix', false, ['object', ';color=R,100,G,200,B,150']],
  ['matrix', true, ['empty', ';color'], ['string', ';color=blue']],
  ['matrix', true, ['array', ';color=blue;color=black;color=brown'], ['object', ';R=100;G=200;B=150']],
  ['label', false, ['string', '.blue'], ['array', '.blue,black,brown'], ['object', '.R,100,G,200,B,150']],
  ['label', true, ['string', '.blue'], ['array', '.blue.black.brown'], ['object', '.R=100.G=200.B=150']],
  ['simple', false, ['string', 'blue'], ['array', 'blue,black,brown'], ['object', 'R,100,G,200,B,150']],
  ['simple', true, ['string', 'blue'], ['array', 'blue,black,brown'], ['object', 'R=100,G=200,B=150']],
]

const inQueries: readonly Row[] = [
  ['form', false, ['empty', 'color='], ['string', 'color=blue'], ['array', 'color=blue,black,brown']],
  ['form', false, ['object', 'color=R,100,G,200,B,150']],
  ['form', true, ['empty', 'color='], ['string', 'color=blue']],
  ['form', true, ['array', 'color=blue&color=black&color=brown'], ['object', 'R=100&G=200&B=150']],
  ['spaceDelimited', false, ['array', 'color=blue%20black%20brown'], ['object', 'color=R%20100%20G%20200%20B%20150']],
  ['pipeDelimited', false, ['array', 'color=blue%7Cblack%7Cbrown'], ['object', 'color=R%7C100%7CG%7C200%7CB%7C150']],
  ['deepObject', true, ['object', 'color%5BR%5D=100&color%5BG%5D=200&color%5BB%5D=150']],
]

function cases(rows: readonly Row[]) {
  return rows.flatMap(([style, explode, ...written]) =>
    written.map(([kind, expected]) => ({ style, explode, kind, expected })),
  )
}

function build(path: string, parameter: ActionParameter, value: unknown) {
  const definition = { input: { type: 'object' }, parameters: [parameter] }
  return buildRequest({ method: 'GET', path }, definition, { color: value }, 'repeat').request
}

function writtenInPath(parameter: Omit<ActionParameter, 'in'>, value: unknown): string {
  const { path, options } = build('/{color}', { in: 'path', ...parameter }, value)
  return fillPathParams(path, options?.pathParams).slice(1)
}

function writtenInQuery(parameter: Omit<ActionParameter, 'in'>, value: unknown): string {
  return build('/', { in: 'query', ...parameter }, value).path.slice(2)
}

const color = { name: 'color', field: 'color' }

describe('in a path', () => {
  test.each(cases(inPaths))('$style, explode $explode, $kind: $expected', ({ style, explode, kind, expected }) => {
    expect(writtenInPath({ ...color, style, explode }, values[kind])).toBe(expected)
  })

  test('each value is one segment, whatever it holds', () => {
    const values = ['a/b', '../c', 'x?y#z', '%2e%2e', "é'()*!"]
    expect(writtenInPath({ ...color, style: 'simple' }, values)).toBe(
      'a%2Fb,..%2Fc,x%3Fy%23z,%252e%252e,%C3%A9%27%28%29%2A%21',
    )
  })

  test.each(['', '.', '..'])('the whole segment "%s" is refused', value => {
    expect(() => writtenInPath({ ...color, style: 'simple' }, value)).toThrow(/is empty|which would mean another place/)
  })

  test('a list without items is refused by name', () => {
    expect(() => writtenInPath({ ...color, style: 'simple' }, [])).toThrow(
      'input.color is empty; the path would mean another place without it.',
    )
  })
})

describe('in a query', () => {
  test.each(cases(inQueries))('$style, explode $explode, $kind: $expected', ({ style, explode, kind, expected }) => {
    expect(writtenInQuery({ ...color, style, explode }, values[kind])).toBe(expected)
  })

  test('form explodes unless told, and the other styles do not', () => {
    expect(writtenInQuery({ ...color, style: 'form' }, ['a', 'b'])).toBe('color=a&color=b')
    expect(writtenInQuery({ ...color, style: 'pipeDelimited' }, ['a', 'b'])).toBe('color=a%7Cb')
    expect(writtenInPath({ ...color, style: 'simple' }, { a: 1 })).toBe('a,1')
  })

  test('separators inside values are encoded, names too', () => {
    expect(writtenInQuery({ ...color, style: 'form', explode: false }, ['a,b', 'c&d=e'])).toBe('color=a%2Cb,c%26d%3De')
    expect(writtenInQuery({ ...color, style: 'form' }, { 'a&b': 'c' })).toBe('a%26b=c')
    expect(writtenInQuery({ ...color, name: 'x[y]&z', style: 'form' }, 'v')).toBe('x%5By%5D%26z=v')
  })

  test('allowReserved keeps what has no meaning in a query, and nothing else', () => {
    const reserved = ":/?#[]@!$&'()*+,;=%"
    expect(writtenInQuery({ ...color, style: 'form', allowReserved: true }, reserved)).toBe(
      "color=:/?%23%5B%5D@!$%26'()*%2B,%3B%3D%25",
    )
  })

  test('the tab of OpenAPI 2.0', () => {
    expect(writtenInQuery({ ...color, style: 'tabDelimited' }, ['a', 'b'])).toBe('color=a%09b')
  })

  test('a deep object nests, with lists by index or in brackets as the integration writes them', () => {
    const definition = { input: {}, parameters: [{ in: 'query', ...color, style: 'deepObject' } as const] }
    const input = { color: { a: { b: 1 }, c: ['x', { d: 2 }] } }
    const write = (format: 'brackets' | 'repeat') =>
      decodeURIComponent(buildRequest({ method: 'GET', path: '/' }, definition, input, format).request.path)
    expect(write('repeat')).toBe('/?color[a][b]=1&color[c][0]=x&color[c][1][d]=2')
    expect(write('brackets')).toBe('/?color[a][b]=1&color[c][]=x&color[c][][d]=2')
  })

  test('digits of long numbers stay', () => {
    expect(writtenInQuery({ ...color, style: 'form' }, [JSON.rawJSON('90071992547409931'), 1.5, true])).toBe(
      'color=90071992547409931&color=1.5&color=true',
    )
  })

  test('nothing is written for what is absent, null, or an empty list', () => {
    for (const value of [undefined, null, [], {}])
      expect(build('/', { in: 'query', ...color, style: 'form' }, value).path).toBe('/')
  })
})

// Records: identity, uniqueness, compare-and-set, lists.
import type { Cases } from '../contract.ts'
import { bytes, refusal, text } from '../helpers.ts'

const HOSTILE = [
  '__proto__',
  'constructor',
  'hasOwnProperty',
  '10',
  '-0',
  '',
  ' ',
  'a\u2028b\u2029c\u0085d\ve\ff',
  '$in',
  'x.y',
  'a\0b',
  'line\nbreak\r',
  'q\'"\\',
  '\ud800 lone surrogate',
  'é e\u0301 😀',
]

export const RECORD_CASES: Cases = {
  'what was created can be read by id and by unique key; nothing else is there': async (
    t,
    { store: { records } },
  ) => {
    const keys = { unique: { name: 'alice', mail: 'a@b' }, index: { group: 'g' } }
    t.deepEqual(await records.create('acc', '1', bytes('v'), keys), { ok: true, rev: 1 })
    const found = await records.get('acc', '1')
    t.deepEqual(
      { ...found, body: text(found?.body ?? bytes('')) },
      {
        id: '1',
        rev: 1,
        body: 'v',
        ...keys,
      },
    )
    t.is((await records.getUnique('acc', 'name', 'alice'))?.id, '1')
    t.is((await records.getUnique('acc', 'mail', 'a@b'))?.id, '1')
    t.is(await records.getUnique('acc', 'mail', 'alice'), null)
    t.is(await records.get('acc', '2'), null)
    t.is(await records.get('dev', '1'), null)
  },
  'of 300 creates of one name at once exactly one wins, the others learn which key it was': async (
    t,
    { store: { records } },
  ) => {
    const results = await Promise.all(
      Array.from({ length: 300 }, (_, i) =>
        records.create('acc', String(i), bytes('v'), { unique: { name: 'n' } }),
      ),
    )
    t.is(results.filter((r) => r.ok).length, 1)
    for (const r of results) if (!r.ok) t.deepEqual(r.conflict, { unique: 'name' })
  },
  'an id is created once; the second create changes nothing': async (t, { store: { records } }) => {
    await records.create('acc', '1', bytes('first'))
    t.deepEqual(await records.create('acc', '1', bytes('second'), { unique: { name: 'x' } }), {
      ok: false,
      conflict: 'id',
    })
    t.is(text((await records.get('acc', '1'))?.body ?? bytes('')), 'first')
    t.is(await records.getUnique('acc', 'name', 'x'), null)
  },
  'of 100 updates of one rev at once exactly one wins; missing and outdated differ': async (
    t,
    { store: { records } },
  ) => {
    await records.create('acc', '1', bytes('0'))
    const results = await Promise.all(
      Array.from({ length: 100 }, (_, i) => records.update('acc', '1', 1, bytes(String(i)))),
    )
    t.deepEqual(
      results.filter((r) => r.ok),
      [{ ok: true, rev: 2 }],
    )
    for (const r of results) if (!r.ok) t.is(r.conflict, 'rev')
    t.deepEqual(await records.update('acc', '2', 1, bytes('')), { ok: false, conflict: 'missing' })
  },
  'a renamed record frees its old name at once; a taken name refuses and changes nothing': async (
    t,
    { store: { records } },
  ) => {
    await records.create('acc', 'p', bytes('p'), { unique: { name: 'p' } })
    await records.create('acc', 'q', bytes('q'), { unique: { name: 'q' } })
    t.deepEqual(await records.update('acc', 'p', 1, bytes('p2'), { unique: { name: 'q' } }), {
      ok: false,
      conflict: { unique: 'name' },
    })
    const p = await records.get('acc', 'p')
    t.is(text(p?.body ?? bytes('')), 'p')
    t.is(p?.rev, 1)
    t.is((await records.getUnique('acc', 'name', 'p'))?.id, 'p')
    t.true((await records.update('acc', 'p', 1, bytes('p3'), { unique: { name: 'r' } })).ok)
    t.is(await records.getUnique('acc', 'name', 'p'), null)
    t.true((await records.create('acc', 's', bytes(''), { unique: { name: 'p' } })).ok)
  },
  'names passed around in one burst end where the last call put them': async (
    t,
    { store: { records } },
  ) => {
    const name = (id: string, key: string, rev: number) =>
      records.update('acc', id, rev, bytes(''), { unique: { name: key } })
    await records.create('acc', 'a', bytes(''), { unique: { name: 'x' } })
    await records.create('acc', 'b', bytes(''), { unique: { name: 'y' } })
    const results = await Promise.all([
      name('a', 'z', 1),
      name('b', 'x', 1),
      name('a', 'y', 2),
      records.delete('acc', 'b'),
      records.create('acc', 'c', bytes(''), { unique: { name: 'x' } }),
    ])
    t.deepEqual(
      results.map((r) => (typeof r === 'boolean' ? r : r.ok)),
      [true, true, true, true, true],
    )
    t.is((await records.getUnique('acc', 'name', 'x'))?.id, 'c')
    t.is((await records.getUnique('acc', 'name', 'y'))?.id, 'a')
    t.is(await records.getUnique('acc', 'name', 'z'), null)
  },
  'an update replaces all keys': async (t, { store: { records } }) => {
    const keys = { unique: { name: 'n' }, index: { owner: 'o' } }
    await records.create('acc', '1', bytes(''), keys)
    await records.update('acc', '1', 1, bytes(''))
    t.is(await records.getUnique('acc', 'name', 'n'), null)
    t.deepEqual(await records.list('acc', 'owner', 'o', null, 9), [])
    t.deepEqual(Object.keys((await records.get('acc', '1')) ?? {}).sort(), ['body', 'id', 'rev'])
  },
  'delete respects the rev, frees the key and is idempotent': async (t, { store: { records } }) => {
    await records.create('acc', '1', bytes(''), { unique: { name: 'n' } })
    t.false(await records.delete('acc', '1', 9))
    t.true(await records.delete('acc', '1', 1))
    t.false(await records.delete('acc', '1'))
    t.is(await records.get('acc', '1'), null)
    t.true((await records.create('acc', '2', bytes(''), { unique: { name: 'n' } })).ok)
  },
  'put creates and replaces, counting revs': async (t, { store: { records } }) => {
    await records.put('acc', '1', bytes('a'), { index: { owner: 'o' } })
    await records.put('acc', '1', bytes('b'), { index: { owner: 'p' } })
    const found = await records.get('acc', '1')
    t.is(found?.rev, 2)
    t.is(text(found?.body ?? bytes('')), 'b')
    t.deepEqual(await records.list('acc', 'owner', 'o', null, 9), [])
    t.is((await records.list('acc', 'owner', 'p', null, 9)).length, 1)
  },
  'put refuses a key that another record holds': async (t, { store: { records } }) => {
    await records.put('acc', '1', bytes(''), { unique: { name: 'n' } })
    t.is(await refusal(records.put('acc', '2', bytes(''), { unique: { name: 'n' } })), 'E_TAKEN')
    t.is(await records.get('acc', '2'), null)
    await records.put('acc', '1', bytes('again'), { unique: { name: 'n' } })
  },
  'putMany keeps the order of its items: the last of an id stays': async (
    t,
    { store: { records } },
  ) => {
    await records.put('acc', '1', bytes('old'))
    await records.putMany('acc', [
      { id: '1', body: bytes('a') },
      { id: '2', body: bytes('b'), keys: { unique: { name: 'n' } } },
      { id: '1', body: bytes('c') },
      { id: '2', body: bytes('d') },
      { id: '3', body: bytes('e'), keys: { unique: { name: 'n' } } },
    ])
    const bodies = await Promise.all(['1', '2', '3'].map((id) => records.get('acc', id)))
    t.deepEqual(
      bodies.map((r) => text(r?.body ?? bytes(''))),
      ['c', 'd', 'e'],
    )
    t.is((await records.getUnique('acc', 'name', 'n'))?.id, '3')
    await records.putMany('acc', [])
  },
  'putMany keeps what came before a refused item': async (t, { store: { records } }) => {
    await records.put('acc', '0', bytes(''), { unique: { name: 'n' } })
    const call = records.putMany('acc', [
      { id: '1', body: bytes('a') },
      { id: '2', body: bytes('b'), keys: { unique: { name: 'n' } } },
      { id: '3', body: bytes('c') },
    ])
    t.is(await refusal(call), 'E_TAKEN')
    t.not(await records.get('acc', '1'), null)
    t.is(await records.get('acc', '2'), null)
    t.is(await records.get('acc', '3'), null)
  },
  'lists are ordered by id, paged by an exclusive cursor, in both directions': async (
    t,
    { store: { records } },
  ) => {
    const ids = ['10', '9', 'b', 'A', 'é', '😀', 'b1', '']
    for (const id of ids) await records.create('dev', id, bytes(id), { index: { owner: 'o' } })
    await records.create('dev', 'other', bytes(''), { index: { owner: 'p' } })
    const walk = async (order: 'ascending' | 'descending'): Promise<string[]> => {
      const all: string[] = []
      for (let after: string | null = null; ; after = all.at(-1) ?? null) {
        const page = await records.list('dev', 'owner', 'o', after, 3, order)
        if (page.length === 0) return all
        all.push(...page.map((r) => r.id))
      }
    }
    t.deepEqual(await walk('ascending'), [...ids].sort())
    t.deepEqual(await walk('descending'), [...ids].sort().reverse())
  },
  'many deletes at once free ids and keys and leave the rest': async (
    t,
    { store: { records } },
  ) => {
    const ids = Array.from({ length: 250 }, (_, i) => `n${String(i).padStart(3, '0')}`)
    const keysOf = (id: string) => ({ unique: { name: id }, index: { o: 'o' } })
    await records.putMany(
      'dev',
      ids.map((id) => ({ id, body: bytes(id), keys: keysOf(id) })),
    )
    const gone = ids.filter((_, i) => i % 5 !== 0)
    await records.deleteMany('dev', [...gone, 'never-there', gone[0] ?? ''])
    const left = await records.list('dev', 'o', 'o', null, 999)
    t.deepEqual(
      left.map((r) => r.id),
      ids.filter((_, i) => i % 5 === 0),
    )
    t.is(await records.getUnique('dev', 'name', 'n001'), null)
    t.true((await records.create('dev', 'n001', bytes('new'), keysOf('n001'))).ok)
  },
  'a list goes on behind a cursor whose record is gone': async (t, { store: { records } }) => {
    for (const id of ['a', 'b', 'c']) await records.put('dev', id, bytes(''), { index: { o: 'o' } })
    await records.delete('dev', 'b')
    const ids = async (order: 'ascending' | 'descending') =>
      (await records.list('dev', 'o', 'o', 'b', 9, order)).map((r) => r.id)
    t.deepEqual(await ids('ascending'), ['c'])
    t.deepEqual(await ids('descending'), ['a'])
  },
  'any text can be an id and a key': async (t, { store: { records } }) => {
    for (const x of HOSTILE) {
      const keys = { unique: { name: `k${x}` }, index: { owner: x } }
      t.true((await records.create('acc', x, bytes(x), keys)).ok)
    }
    for (const x of HOSTILE) {
      t.is((await records.get('acc', x))?.id, x)
      t.is((await records.getUnique('acc', 'name', `k${x}`))?.id, x)
      t.deepEqual(
        (await records.list('acc', 'owner', x, null, 9)).map((r) => r.id),
        [x],
      )
    }
    t.is(await records.get('acc', 'toString'), null)
  },
  'one field never answers for another': async (t, { store: { records } }) => {
    await records.create('acc', '1', bytes(''), { unique: { a: 'b=c' }, index: { x: 'y' } })
    t.is(await records.getUnique('acc', 'a', 'b'), null)
    t.is(await records.getUnique('acc', 'x', 'y'), null)
    t.deepEqual(await records.list('acc', 'a', 'b=c', null, 9), [])
    t.true((await records.create('acc', '2', bytes(''), { unique: { b: 'b=c' } })).ok)
  },
  'bodies come back byte for byte, up to 256 KiB': async (t, { store: { records } }) => {
    for (const length of [0, 1, 2, 3, 65536, 256 * 1024]) {
      const body = Buffer.alloc(length, Buffer.from(Array.from({ length: 256 }, (_, i) => i)))
      await records.put('acc', String(length), body)
      t.deepEqual(Buffer.from((await records.get('acc', String(length)))?.body ?? []), body)
    }
    t.is(await refusal(records.put('acc', 'x', Buffer.alloc(256 * 1024 + 1))), 'E_TOO_BIG')
    t.is(await refusal(records.create('acc', 'x', Buffer.alloc(256 * 1024 + 1))), 'E_TOO_BIG')
  },
  'a caller may reuse its buffer once a call has resolved': async (t, { store: { records } }) => {
    const body = bytes('before')
    await records.put('acc', '1', body)
    body.fill(0)
    const found = await records.get('acc', '1')
    t.is(text(found?.body ?? bytes('')), 'before')
    found?.body.fill(0)
    t.is(text((await records.get('acc', '1'))?.body ?? bytes('')), 'before')
  },
  'a kind or field that is no plain word is a mistake of the program': async (
    t,
    { store: { records } },
  ) => {
    for (const kind of ['', '../x', 'A', 'a b', 'x'.repeat(33)]) {
      await t.throwsAsync(records.get(kind, '1'), { instanceOf: TypeError })
    }
    const keys = { unique: { 'a.b': 'c' } }
    await t.throwsAsync(records.put('acc', '1', bytes(''), keys), { instanceOf: TypeError })
  },
}

export const RECORD_DURABLE_CASES: Cases = {
  'records, revs and keys survive a restart': async (t, subject) => {
    const { records } = subject.store
    await records.create('acc', '1', bytes('a'), { unique: { name: 'n' }, index: { owner: 'o' } })
    await records.update('acc', '1', 1, bytes('b'), { unique: { name: 'm' } })
    await records.put('acc', '2', bytes('c'), { index: { owner: 'o' } })
    await records.create('acc', '3', bytes('d'), { unique: { name: 'gone' } })
    await records.delete('acc', '3')
    for (const x of HOSTILE) await records.put('odd', x, bytes(x), { unique: { name: x } })
    const again = (await subject.reopen()).records
    t.is((await again.get('acc', '1'))?.rev, 2)
    t.is((await again.getUnique('acc', 'name', 'm'))?.id, '1')
    t.is(await again.getUnique('acc', 'name', 'n'), null)
    t.deepEqual(
      (await again.list('acc', 'owner', 'o', null, 9)).map((r) => r.id),
      ['2'],
    )
    t.is(await again.get('acc', '3'), null)
    t.true((await again.create('acc', '4', bytes(''), { unique: { name: 'gone' } })).ok)
    t.deepEqual(await again.create('acc', '5', bytes(''), { unique: { name: 'm' } }), {
      ok: false,
      conflict: { unique: 'name' },
    })
    for (const x of HOSTILE) t.is((await again.getUnique('odd', 'name', x))?.id, x)
  },
}

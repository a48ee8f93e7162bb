/** pg, of PostgreSQL: a pool, prepared statements, a large result, transactions, notifications. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import pg from 'pg';

export async function call(host, port, stack) {
  const options = { host, port, user: 'postgres', database: 'postgres' };
  const stream = stack && (() => new stack.net.Socket());
  const pool = new pg.Pool({ ...options, max: 4, ...(stream && { stream }) });
  await pool.query('drop table if exists things');
  await pool.query('create table things (id int primary key, text text)');
  await Promise.all(
    Array.from({ length: 500 }, (_, i) =>
      pool.query({
        name: 'insert',
        text: 'insert into things values ($1, $2)',
        values: [i, 'x'.repeat(i)],
      }),
    ),
  );
  const { rows } = await pool.query('select sum(length(text)) as sum from things');
  assert.equal(Number(rows[0].sum), (500 * 499) / 2);
  const many = await pool.query('select g, md5(g::text) from generate_series(1, 50000) g');
  assert.equal(many.rows.length, 50_000);
  const client = await pool.connect();
  await client.query('begin');
  await client.query('delete from things');
  await client.query('rollback');
  assert.equal((await client.query('select * from things')).rowCount, 500);
  await client.query('listen news');
  const heard = once(client, 'notification');
  await pool.query("notify news, 'today'");
  assert.equal((await heard)[0].payload, 'today');
  await assert.rejects(client.query('select * from nowhere'), { code: '42P01' });
  client.release();
  await pool.end();
}

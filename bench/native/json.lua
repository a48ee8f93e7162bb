-- For wrk: each request is 1 KiB of JSON, which the server has to parse.
local items = {}
for i = 1, 63 do items[i] = string.format('"item %08d"', i) end
wrk.method = 'POST'
wrk.path = '/json'
wrk.headers['Content-Type'] = 'application/json'
wrk.body = '{"n":1,"list":[' .. table.concat(items, ',') .. ']}'

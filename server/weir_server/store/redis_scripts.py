"""What does Redis do with counters? Three scripts, each whole or not at all, by its own clock.

A rate is a hash: how much was counted in each slice by its number, and `t` in all of them, `o` the
oldest and `h` the newest that may hold something. Leases are a sorted set: holders by when theirs
end, in milliseconds. All keys of one script are one tenant's, which a cluster keeps together. Keys
that nobody touches expire. What a script is told and what it answers is one text of words: a number
of its own for each would cost Weir more than all that is done with them.

The clock may be set while Weir runs. Where it went back, what was counted counts from now on, so
that nobody waits longer than one window; where it went on, windows are over, once.
"""

from typing import Final

_CLOCK: Final = """
local said = {}
for word in string.gmatch(ARGV[1], '%S+') do said[#said + 1] = word end
local slice_us, slices = tonumber(said[2]), tonumber(said[3])
local now = tonumber(said[1])
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000000 + time[2]
end
local now_ms = math.floor(now / 1000)
local current = math.floor(now / slice_us)
local keep_ms = math.ceil(slice_us * (slices + 2) / 1000)

-- Lets go of slices that count no more; returns what counts, the oldest, the newest, the current.
local function moved(key)
  local head = redis.call('HMGET', key, 't', 'o', 'h')
  if not head[1] then return 0, current, current, current end
  local used, oldest, newest = tonumber(head[1]), tonumber(head[2]), tonumber(head[3])
  if newest > current then
    -- Clocks are nudged back by milliseconds every day: that is the same slice still.
    if newest - current <= 1 then return used, oldest, newest, newest end
    redis.call('DEL', key)
    redis.call('HSET', key, 't', used, 'o', current, 'h', current, current, used)
    redis.call('PEXPIRE', key, keep_ms)
    return used, current, current, current
  end
  local first = current - slices
  if newest < first then
    redis.call('DEL', key)
    return 0, current, current, current
  end
  if oldest < first then
    local gone = {}
    for slice = oldest, first - 1 do gone[#gone + 1] = slice end
    for _, counted in ipairs(redis.call('HMGET', key, unpack(gone))) do
      if counted then used = used - tonumber(counted) end
    end
    redis.call('HDEL', key, unpack(gone))
    redis.call('HSET', key, 't', used, 'o', first)
    oldest = first
  end
  return used, oldest, newest, current
end

local function add(key, used, oldest, newest, slice, amount)
  redis.call('HINCRBY', key, slice, amount)
  redis.call('HSET', key, 't', used + amount, 'o', math.min(oldest, slice),
    'h', math.max(newest, slice))
  redis.call('PEXPIRE', key, keep_ms)
end

local function lease(key, holder, lease_ms)
  redis.call('ZADD', key, now_ms + lease_ms, holder)
  if redis.call('PTTL', key) < lease_ms then redis.call('PEXPIRE', key, lease_ms) end
end
"""

TAKE: Final = (
    _CLOCK
    + """
-- Said: now ('-': as the clock says), slice_us, slices, holder, lease_ms, calls_wait_us, then for
-- each key its kind ('w' a window, 'l' leases), its limit and how much is taken.
-- Returns which key refuses (0: none), after how long there is room in microseconds, then for each
-- key the slice it is counted in, what is used, and after how long nothing is.
local holder, lease_ms = said[4], tonumber(said[5])
local state, refusing, wait = {}, 0, 0
for i, key in ipairs(KEYS) do
  local kind, most, amount = said[4 + i * 3], tonumber(said[5 + i * 3]), tonumber(said[6 + i * 3])
  local needed = 0
  if kind == 'w' then
    local used, oldest, newest, slice = moved(key)
    state[i] = {key, amount, used, oldest, newest, slice}
    local missing = used + amount - most
    if missing > 0 then
      local numbers = {}
      for each = oldest, newest do numbers[#numbers + 1] = each end
      for n, counted in ipairs(redis.call('HMGET', key, unpack(numbers))) do
        if counted then missing = missing - tonumber(counted) end
        if missing <= 0 then
          needed = (numbers[n] + slices + 1) * slice_us - now
          break
        end
      end
    end
  else
    redis.call('ZREMRANGEBYSCORE', key, '-inf', now_ms)
    local held = redis.call('ZCARD', key)
    state[i] = {key, 0, held, 0, 0, 0}
    if held >= most and not redis.call('ZSCORE', key, holder) then
      local ends = redis.call('ZRANGE', key, 0, 0, 'WITHSCORES')
      needed = math.min(tonumber(said[6]), (tonumber(ends[2]) - now_ms) * 1000)
    end
  end
  if needed > wait then refusing, wait = i, needed end
end
local reply = {refusing, wait}
for i, each in ipairs(state) do
  local key, amount, used, oldest, newest, slice = unpack(each)
  if slice == 0 then
    if refusing == 0 then
      lease(key, holder, lease_ms)
      used = used + 1
    end
    newest = 0
  elseif refusing == 0 then
    add(key, used, oldest, newest, slice, amount)
    used, newest = used + amount, slice
  end
  local reset = 0
  if slice ~= 0 and used > 0 then reset = (newest + slices + 1) * slice_us - now end
  reply[#reply + 1] = slice
  reply[#reply + 1] = used
  reply[#reply + 1] = reset
end
return table.concat(reply, ' ')
"""
)
"""Takes of all keys or of none."""

CORRECT: Final = (
    _CLOCK
    + """
-- Said: now, slice_us, slices, then for each key what is done, and two values:
-- 'back' slice, amount: count less there; 'more' age, amount: count more in the slice so long ago;
-- 'free' holder, -: end a lease; 'lease' holder, lease_ms: have one, whether there is room or not.
for i, key in ipairs(KEYS) do
  local what, one, two = said[1 + i * 3], said[2 + i * 3], tonumber(said[3 + i * 3])
  if what == 'free' then
    redis.call('ZREM', key, one)
  elseif what == 'lease' then
    lease(key, one, two)
  elseif what == 'more' then
    local used, oldest, newest, slice = moved(key)
    slice = math.max(slice - tonumber(one), slice - slices)
    add(key, used, oldest, newest, slice, two)
  else
    local slice = tonumber(one)
    if slice < 0 then slice = current + slice end
    local counted = redis.call('HGET', key, slice)
    if counted then
      local amount = math.min(tonumber(counted), two)
      redis.call('HINCRBY', key, slice, -amount)
      redis.call('HINCRBY', key, 't', -amount)
    end
  end
end
return ''
"""
)
"""Says what was really used, whether there is room or not."""

PRESENT: Final = """
-- Said: who, for how long that is known in milliseconds. Returns how many are known.
local who, known_ms = string.match(ARGV[1], '(%S+) (%S+)')
local time = redis.call('TIME')
local now_ms = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now_ms)
redis.call('ZADD', KEYS[1], now_ms + tonumber(known_ms), who)
redis.call('PEXPIRE', KEYS[1], known_ms)
return tostring(redis.call('ZCARD', KEYS[1]))
"""
"""Says that a process of Weir is there."""

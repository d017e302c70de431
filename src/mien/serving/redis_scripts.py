"""Redis scripts that perform each step of a job atomically, by the server's clock.

All keys start with the prefix in KEYS[1]:
    jobs       sorted set: each job by its expiry time, +inf until it has ended
    waiting    list of waiting jobs, the next one first
    leases     sorted set: jobs being read, by the expiry time of their lease
    job:ID     hash: state, asked, tries, holder, progress, problem
    video:ID   the upload, until the job ends
    result:ID  result as JSON, until it expires

A client whose connection breaks does not know whether its script ran, and runs it again. All
scripts are therefore idempotent except the claim: a job claimed twice is taken over like any other
job whose reader died.
"""

from typing import Final

_HEAD: Final = """
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1e6
local p = KEYS[1]
redis.call('ZREMRANGEBYSCORE', p .. 'jobs', '-inf', now)
"""
"""Start of every script: get the server's time, and drop expired results."""

_COUNT: Final = (
    _HEAD
    + """
return {redis.call('ZCARD', p .. 'jobs'), redis.call('LLEN', p .. 'waiting')}
"""
)
_SUBMIT: Final = (
    _HEAD
    + """
local id, most, asked, video = ARGV[1], tonumber(ARGV[2]), ARGV[3], ARGV[4]
local count = redis.call('ZCARD', p .. 'jobs')
if redis.call('EXISTS', p .. 'job:' .. id) == 1 then return count end
if count >= most then return -count end
redis.call('HSET', p .. 'job:' .. id, 'state', 'waiting', 'asked', asked, 'tries', 0)
redis.call('SET', p .. 'video:' .. id, video)
redis.call('ZADD', p .. 'jobs', '+inf', id)
redis.call('RPUSH', p .. 'waiting', id)
return count + 1
"""
)
_END: Final = """
local function finish(id, state, keep, result, problem)
  local job = p .. 'job:' .. id
  local kept_ms = math.floor(keep * 1000)
  redis.call('HSET', job, 'state', state, 'problem', problem)
  redis.call('HDEL', job, 'holder')
  if result ~= '' then redis.call('SET', p .. 'result:' .. id, result, 'PX', kept_ms) end
  redis.call('DEL', p .. 'video:' .. id)
  redis.call('LREM', p .. 'waiting', 0, id)
  redis.call('ZREM', p .. 'leases', id)
  redis.call('PEXPIRE', job, kept_ms)
  redis.call('ZADD', p .. 'jobs', now + keep, id)
end
"""
_CLAIM: Final = (
    _HEAD
    + _END
    + """
local holder, lease, lost, evicted = ARGV[1], ARGV[2], ARGV[5], ARGV[6]
local most, keep = tonumber(ARGV[3]), tonumber(ARGV[4])
for _, id in ipairs(redis.call('ZRANGEBYSCORE', p .. 'leases', '-inf', now)) do
  redis.call('ZREM', p .. 'leases', id)
  if redis.call('EXISTS', p .. 'job:' .. id) == 1 then
    if tonumber(redis.call('HGET', p .. 'job:' .. id, 'tries')) >= most then
      finish(id, 'failed', keep, '', lost)
    else
      redis.call('HSET', p .. 'job:' .. id, 'state', 'waiting')
      redis.call('LPUSH', p .. 'waiting', id)
    end
  end
end
while true do
  local id = redis.call('LPOP', p .. 'waiting')
  if not id then return false end
  if redis.call('HGET', p .. 'job:' .. id, 'state') == 'waiting' then
    local video = redis.call('GET', p .. 'video:' .. id)
    if not video then
      finish(id, 'failed', keep, '', evicted)
    else
      redis.call('HSET', p .. 'job:' .. id, 'state', 'running', 'holder', holder)
      redis.call('HINCRBY', p .. 'job:' .. id, 'tries', 1)
      redis.call('ZADD', p .. 'leases', now + lease, id)
      return {id, redis.call('HGET', p .. 'job:' .. id, 'asked'), video}
    end
  end
end
"""
)
_RENEW: Final = (
    _HEAD
    + """
local id, holder, lease, progress = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
if redis.call('HGET', p .. 'job:' .. id, 'holder') ~= holder then return 0 end
redis.call('HSET', p .. 'job:' .. id, 'progress', progress, 'state', 'running')
redis.call('LREM', p .. 'waiting', 0, id)
redis.call('ZADD', p .. 'leases', now + lease, id)
return 1
"""
)
_FINISH: Final = (
    _HEAD
    + _END
    + """
local id, holder, state, keep, result, problem, progress = unpack(ARGV)
if redis.call('HGET', p .. 'job:' .. id, 'holder') ~= holder then return 0 end
redis.call('HSET', p .. 'job:' .. id, 'progress', progress)
finish(id, state, tonumber(keep), result, problem)
return 1
"""
)
_HAND_BACK: Final = (
    _HEAD
    + """
local id, holder = ARGV[1], ARGV[2]
if redis.call('HGET', p .. 'job:' .. id, 'holder') ~= holder then return 0 end
redis.call('HDEL', p .. 'job:' .. id, 'holder')
redis.call('HSET', p .. 'job:' .. id, 'state', 'waiting')
redis.call('HINCRBY', p .. 'job:' .. id, 'tries', -1)
redis.call('ZREM', p .. 'leases', id)
redis.call('LPUSH', p .. 'waiting', id)
return 1
"""
)
_DELETE: Final = (
    _HEAD
    + """
local id = ARGV[1]
local there = redis.call('DEL', p .. 'job:' .. id)
redis.call('DEL', p .. 'video:' .. id, p .. 'result:' .. id)
redis.call('LREM', p .. 'waiting', 0, id)
redis.call('ZREM', p .. 'leases', id)
redis.call('ZREM', p .. 'jobs', id)
return there
"""
)
SCRIPTS: Final = {
    "count": _COUNT,
    "submit": _SUBMIT,
    "claim": _CLAIM,
    "renew": _RENEW,
    "finish": _FINISH,
    "hand_back": _HAND_BACK,
    "delete": _DELETE,
}
"""The scripts by name, for `register_script`."""

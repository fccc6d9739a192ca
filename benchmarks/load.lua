-- Sends the requests of a plan in turn and checks every answer while wrk counts it.
-- wrk's own thread runs `init`, `request` and `response`; `setup` and `done` run in another state.

local threads = {}

function setup(thread)
  table.insert(threads, thread)
end

-- wrk announces an empty body too, which no browser and no client does.
local function body_of(one)
  return one.body ~= "" and one.body or nil
end

function init(args)
  plan = dofile(args[1])
  answers, wrong_status, wrong_body, example = 0, 0, 0, ""
  turn, fresh = 0, {}
  for index = #plan.requests, 1, -1 do
    local one = plan.requests[index]
    one.wire = wrk.format(one.method, one.path, one.headers, body_of(one))
    if plan.successor then table.insert(fresh, one.wire) end
  end
end

local function filled(text, value)
  return (text:gsub("{}", function() return value end))
end

local function following(value)
  local headers = {}
  for name, text in pairs(plan.template.headers) do headers[name] = filled(text, value) end
  return wrk.format(plan.template.method, plan.template.path, headers, filled(plan.template.body, value))
end

function request()
  if plan.successor then return table.remove(fresh) or plan.requests[1].wire end
  turn = turn % #plan.requests + 1
  return plan.requests[turn].wire
end

function response(status, headers, body)
  answers = answers + 1
  if status ~= plan.status then
    wrong_status = wrong_status + 1
    if example == "" then example = status .. " " .. body end
  elseif not body:find(plan.expected) then
    wrong_body = wrong_body + 1
    if example == "" then example = body end
  end
  if plan.successor then
    local value = body:match(plan.successor)
    if value then table.insert(fresh, 1, following(value)) end
  end
end

local function total(name)
  local sum = 0
  for _, thread in ipairs(threads) do sum = sum + thread:get(name) end
  return sum
end

function done(summary, latency, requests)
  local found = threads[1]:get("example"):gsub('[%c"\\]', "?"):sub(1, 300)
  io.write(string.format(
    '\nRESULT {"seconds": %.6f, "requests": %d, "answers": %d, "wrong_status": %d, "wrong_body": %d, ' ..
    '"lost": %d, "p50": %.6f, "p90": %.6f, "p99": %.6f, "p999": %.6f, "max": %.6f, "example": "%s"}\n',
    summary.duration / 1e6, summary.requests, total("answers"), total("wrong_status"), total("wrong_body"),
    summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout,
    latency:percentile(50) / 1e6, latency:percentile(90) / 1e6, latency:percentile(99) / 1e6,
    latency:percentile(99.9) / 1e6, latency.max / 1e6, found))
end

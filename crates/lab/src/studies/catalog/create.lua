local count = 0
local run = os.time() .. "-" .. math.random(1000000)
request = function()
   count = count + 1
   local body = string.format(
      '{"sku":"LAB-%s-%d","name":"Lamp %d","description":"%s","category":"lab","price":{"amount":%d,"currency":"EUR"},"status":"active"}',
      run, count, count, string.rep("a plain lamp of steel and glass ", 10), count)
   return wrk.format("POST", "/v1/products",
      { ["Authorization"] = "Bearer KEY", ["Content-Type"] = "application/json" }, body)
end

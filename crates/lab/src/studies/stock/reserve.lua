wrk.method = "POST"
wrk.path = "/v1/reservations"
wrk.body = '{"lines":[{"sku":"LAB-HOT","quantity":1}],"ttl_seconds":900}'
wrk.headers["Authorization"] = "Bearer KEY"
wrk.headers["Content-Type"] = "application/json"
